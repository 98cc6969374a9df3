import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from './free-ports.ts'

/** A server that a test run has to itself. */
export interface PrivateServer {
  readonly port: number
  /** Ends the server and all its processes with SIGKILL, as a crash would; its files stay. Fulfilled when it is gone. */
  kill(): Promise<void>
  /** Stops the server where it is, with SIGSTOP: it holds its connections and answers nothing. Fulfilled when it has. */
  freeze(): Promise<void>
  /** Lets it go on after `freeze`. */
  thaw(): Promise<void>
  /** Starts it again after `kill`, on the same port and files. Fulfilled when it takes connections. */
  restart(): Promise<void>
  /** Ends the server and removes its files; idempotent. */
  stop(): Promise<void>
}

/** How to make and run a server whose whole state is in one directory. */
export interface Recipe {
  /** For messages. */
  readonly name: string
  /** The account that root runs the server under: database servers refuse to run as root. */
  readonly account: string
  /** Makes the data directory. */
  prepare(directory: string): readonly string[]
  /** Runs the server in the foreground. */
  serve(directory: string, port: number): readonly string[]
  /** Ends the server; KILL for those that wait for others of their kind before they end. */
  readonly stopSignal: 'INT' | 'TERM' | 'KILL'
  /** What the server writes to stderr when it takes connections. */
  readonly ready: RegExp
}

interface Account {
  readonly uid: number
  readonly gid: number
}

const attempts = 3
const keptOutput = 8192

/** Starts a server on a free port of 127.0.0.1, with its files in a temporary directory. */
export async function startPrivateServer(recipe: Recipe): Promise<PrivateServer> {
  for (let attempt = 1; ; attempt++) {
    // Between here and the server's own bind another process may take the port: hence the attempts.
    const [port = 0] = await freePorts(1)
    const started = await run(recipe, port)
    if ('stop' in started) return started
    if (attempt === attempts)
      throw new Error(`${recipe.name} did not start on this machine:\n${started.output}`)
  }
}

async function run(recipe: Recipe, port: number): Promise<PrivateServer | { output: string }> {
  const account = process.getuid?.() === 0 ? accountOf(recipe.account) : undefined
  const directory = mkdtempSync(join(account ? '/tmp' : tmpdir(), 'scs-test-'))
  if (account) chownSync(directory, account.uid, account.gid)

  const guard = spawn('/bin/sh', ['-c', guardScript(recipe, directory, port)], {
    ...account,
    cwd: directory,
    // Ctrl-C in a terminal is for the test run, which then ends the guard in order.
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  guard.stdin?.on('error', () => {})
  const ended = once(guard, 'exit')
  const output = await untilSaid(guard, recipe.ready)
  if (output !== undefined) {
    rmSync(directory, { recursive: true, force: true })
    return { output }
  }
  const order = async (word: string, answer: RegExp): Promise<void> => {
    const said = untilSaid(guard, answer)
    guard.stdin?.write(`${word}\n`)
    const output = await said
    if (output !== undefined) throw new Error(`${recipe.name} has ended:\n${output}`)
  }
  return {
    port,
    kill: () => order('kill', /^scs: killed$/m),
    freeze: () => order('freeze', /^scs: frozen$/m),
    thaw: () => order('thaw', /^scs: thawed$/m),
    restart: () => order('start', recipe.ready),
    async stop() {
      guard.stdin?.end()
      await ended
    },
  }
}

/**
 * A shell that runs the server until its own stdin ends, and then removes the directory. The pipe ends with this
 * process, also when this process is killed: no way of ending a test run leaves a server or its files behind.
 */
function guardScript(recipe: Recipe, directory: string, port: number): string {
  const remove = `cd / && rm -rf ${words([directory])}`
  return `
    # A write to the pipe of a process that is gone would stop the guard half-way.
    trap '' PIPE
    exec 3<&0 </dev/null
    ${words(recipe.prepare(directory))} >prepare.log 2>&1 3<&- || {
      status=$?; cat prepare.log >&2; ${remove}; exit $status
    }
    crash() {
      : >killed
      # A server of many processes starts no more of them while it is stopped; they need not be of its process group.
      kill -s STOP $server
      children=$(ps -A -o ppid= -o pid= | while read -r parent child; do
        if [ "$parent" = $server ]; then echo $child; fi
      done)
      kill -s KILL $children $server
      # What they hold is free when they are gone, or wait as zombies for nothing but to be noticed.
      for child in $children; do
        while ps -o stat= -p $child | grep -q '^[^Z]'; do sleep 0.02; done
      done
    }
    while :; do
      ${words(recipe.serve(directory, port))} 3<&- & server=$!
      {
        while read -r order <&3; do
          case $order in
            kill) crash; exit ;;
            freeze)
              kill -s STOP $server
              until ps -o stat= -p $server | grep -q '^T'; do sleep 0.02; done
              echo 'scs: frozen' >&4 ;;
            thaw) kill -s CONT $server; echo 'scs: thawed' >&4 ;;
          esac
        done
        kill -s CONT $server
        # Repeated, as a server that is still starting does not listen to its signal yet.
        while kill -s ${recipe.stopSignal} $server; do sleep 0.1; done
      } 4>&2 2>/dev/null & watcher=$!
      wait $server 2>/dev/null; status=$?
      if [ ! -e killed ]; then kill $watcher 2>/dev/null; break; fi
      wait $watcher; rm killed
      echo 'scs: killed' >&2
      read -r order <&3 || break
    done
    ${remove}
    exit $status
  `
}

/** `undefined` when the server has said it, from now on; its output when it has ended instead. */
function untilSaid(guard: ChildProcess, words: RegExp): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let output = ''
    const { stderr } = guard
    const settle = (outcome: string | undefined): void => {
      guard.off('error', reject).off('close', ended)
      // Read to the end all the same, as a full pipe would stop the server.
      stderr?.off('data', hear).resume()
      resolve(outcome)
    }
    const ended = (): void => settle(output)
    const hear = (chunk: string): void => {
      output = (output + chunk).slice(-keptOutput)
      if (words.test(output)) settle(undefined)
    }
    guard.on('error', reject).on('close', ended)
    stderr?.setEncoding('utf8').on('data', hear)
  })
}

function accountOf(name: string): Account {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
  const [, , uid, gid] = line?.split(':') ?? []
  if (uid === undefined || gid === undefined)
    throw new Error(`root runs this server as the account "${name}", which does not exist here`)
  return { uid: Number(uid), gid: Number(gid) }
}

function words(command: readonly string[]): string {
  return command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')
}
