// For `node --import`: a process that a test starts runs on the sources, as the test itself does.
import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'

registerHooks({
  resolve(specifier, context, nextResolve) {
    const [, name, entry = 'index'] = /^@scs\/([\w-]+)(?:\/(\w+))?$/.exec(specifier) ?? []
    const source = new URL(`../../../${name}/src/${entry}.ts`, import.meta.url)
    const isOurs = name !== undefined && existsSync(source)
    return nextResolve(isOurs ? source.href : specifier, context)
  },
})
