import { aptInstall, canAptInstall } from './apt-install.ts'
import type { TestServer } from './test-server.ts'

/** Installs those of the servers that this machine lacks, where that can be done; says on stderr why it could not. */
export async function installMissing(servers: readonly TestServer[]): Promise<void> {
  const missing = servers.filter((server) => server.recipe() === undefined)
  if (missing.length === 0 || !canAptInstall()) return
  try {
    await aptInstall(missing.map((server) => server.package))
  } catch (error) {
    console.error(`scs: ${error instanceof Error ? error.message : error}`)
  }
}
