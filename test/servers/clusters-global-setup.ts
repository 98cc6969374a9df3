import { aptInstall, canAptInstall } from './apt-install.ts'
import { canStartGalera, galeraPackages } from './galera-cluster.ts'
import { postgres } from './postgres.ts'

const kinds = [
  { name: 'Galera', packages: galeraPackages, isHere: canStartGalera },
  {
    name: 'PostgreSQL',
    packages: [postgres.package],
    isHere: () => postgres.recipe() !== undefined,
  },
]

/**
 * Installs what clusters are made of, where it is missing and that can be done. The tests start clusters of their own, and
 * skip what is not to be had, which is said here; with CI=true that is an error.
 */
export async function setup(): Promise<void> {
  const missing = () => kinds.filter(({ isHere }) => !isHere())
  if (missing().length > 0 && canAptInstall()) {
    await aptInstall(missing().flatMap(({ packages }) => packages)).catch(console.error)
  }
  const texts = missing().map(({ name, packages }) =>
    [
      `scs: ${name} was not found on this machine; the tests of clusters that need it are skipped.`,
      `     To run them: apt-get install -y ${packages.join(' ')}   (Debian, Ubuntu; no service needs to run)`,
    ].join('\n'),
  )
  if (texts.length > 0 && !['', '0', 'false'].includes(process.env.CI ?? ''))
    throw new Error(`${texts.join('\n')}\nWith CI=true a skipped test is a failure.`)
  for (const text of texts) console.error(text)
}
