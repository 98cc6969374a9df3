import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { background } from '@scs/core'
import { DrizzleStore } from '@scs/drizzle-store'
import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isAvailable, openNew } from './databases.ts'
import { type DialectName, oneOfEach } from './drivers.ts'
import { sessionsOf } from './sessions-of.ts'

const ctx = background()
const ownPackage = fileURLToPath(new URL('..', import.meta.url))
const nodeModules = join(ownPackage, 'node_modules')
const kit = join(nodeModules, 'drizzle-kit', 'bin.cjs')
const kitDialect: Readonly<Record<DialectName, string>> = {
  pg: 'postgresql',
  mysql: 'mysql',
  sqlite: 'sqlite',
}

// What drizzle-kit makes of the exported tables: a change here is a migration for every user.
const migration: Readonly<Record<DialectName, string>> = {
  pg: `CREATE TABLE "sessions" (
	"token" text PRIMARY KEY NOT NULL,
	"data" "bytea" NOT NULL,
	"expiry" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX "sessions_expiry_idx" ON "sessions" USING btree ("expiry");`,
  mysql: `CREATE TABLE \`sessions\` (
	\`token\` char(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	\`data\` mediumblob NOT NULL,
	\`expiry\` datetime(6) NOT NULL,
	CONSTRAINT \`sessions_token\` PRIMARY KEY(\`token\`)
);
--> statement-breakpoint
CREATE INDEX \`sessions_expiry_idx\` ON \`sessions\` (\`expiry\`);`,
  sqlite: `CREATE TABLE \`sessions\` (
	\`token\` text PRIMARY KEY NOT NULL,
	\`data\` blob NOT NULL,
	\`expiry\` real NOT NULL
);
--> statement-breakpoint
CREATE INDEX \`sessions_expiry_idx\` ON \`sessions\` (\`expiry\`);`,
}

describe('drizzle-kit', () => {
  let project: string
  // A user's project: the packages installed, a schema that re-exports the table.
  beforeAll(async () => {
    project = await mkdtemp(join(tmpdir(), 'scs-drizzle-kit-'))
    for (const [name, target] of [
      ['@scs/drizzle-store', ownPackage],
      ['drizzle-orm', join(nodeModules, 'drizzle-orm')],
    ] as const) {
      const link = join(project, 'node_modules', name)
      await mkdir(dirname(link), { recursive: true })
      await symlink(target, link, 'junction')
    }
    await writeFile(join(project, 'package.json'), '{ "type": "module" }')
  })
  afterAll(() => rm(project, { recursive: true, force: true }))

  async function generate(dialect: DialectName): Promise<string> {
    const schema = `export { sessions } from '@scs/drizzle-store/${dialect}'\n`
    await writeFile(join(project, `${dialect}.ts`), schema)
    const args = ['generate', '--dialect', kitDialect[dialect], '--schema', `${dialect}.ts`]
    await promisify(execFile)(process.execPath, [kit, ...args, '--out', dialect], { cwd: project })
    const folder = join(project, dialect)
    const file = (await readdir(folder)).find((name) => name.endsWith('.sql'))
    return readFile(join(folder, file ?? ''), 'utf8')
  }

  for (const driver of oneOfEach) {
    it(`generates the migration from the exported table of ${driver.dialect}`, async () => {
      expect(await generate(driver.dialect)).toBe(migration[driver.dialect])
    })

    it.skipIf(!isAvailable(driver))(
      `its migration for ${driver.dialect} gives a table that the store takes as it is`,
      async () => {
        const { db, run, close } = await openNew(driver)
        const statements = migration[driver.dialect].split('--> statement-breakpoint')
        for (const statement of statements) await run(sql.raw(statement))
        const store = await DrizzleStore.create(db, { createTable: false, cleanupInterval: 0 })
        await store.commitCtx(ctx, 'a', new TextEncoder().encode('data'), new Date('2100-01-01'))
        expect([...(await sessionsOf(store)).keys()]).toEqual(['a'])
        await close()
      },
    )
  }
})
