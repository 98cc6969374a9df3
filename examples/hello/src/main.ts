// better-sqlite3 crashes without a word on a Node that is too old: nothing is loaded before this is known.
const [major = 0] = process.versions.node.split('.').map(Number)

if (major >= 22) {
  await import('./server.ts')
} else {
  console.error(
    `This example needs Node 22 or later; this is ${process.versions.node}. Try: npm start`,
  )
  process.exitCode = 1
}

export {}
