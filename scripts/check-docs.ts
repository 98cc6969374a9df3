// Every name that a package exports, and every public member of its classes and interfaces, has a doc comment; what
// implements or overrides a documented member has its words from there.
import { relative } from 'node:path'
import ts from 'typescript'
import { publishablePackages } from './publishable.ts'
import { root } from './root.ts'

const undocumented = new Set<string>()
let names = 0

for (const { folder, entries } of publishablePackages()) checkPackage(folder, entries)

for (const line of undocumented) console.error(line)
console.log(`${names} public names, ${undocumented.size} without a doc comment`)
process.exitCode = undocumented.size === 0 ? 0 : 1

function checkPackage(folder: string, entries: readonly string[]): void {
  const { config } = ts.readConfigFile(`${root}${folder}/tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root + folder)
  const program = ts.createProgram({
    rootNames: entries.map((entry) => root + entry),
    options: { ...options, noEmit: true },
  })
  const checker = program.getTypeChecker()
  const seen = new Set<ts.Symbol>()

  for (const entry of entries) {
    const source = program.getSourceFile(root + entry)
    const module = source && checker.getSymbolAtLocation(source)
    if (module === undefined) throw new Error(`${entry} is an entry point, but exports nothing`)
    for (const exported of checker.getExportsOfModule(module)) {
      const symbol =
        exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
      if (seen.has(symbol) || !isOurs(symbol)) continue
      seen.add(symbol)
      check(checker, symbol, exported.name)
      for (const member of membersOf(checker, symbol))
        check(checker, member, `${exported.name}.${memberName(member)}`)
    }
  }
}

function check(checker: ts.TypeChecker, symbol: ts.Symbol, name: string): void {
  names++
  if (symbol.getDocumentationComment(checker).length > 0) return
  // TypeScript looks up the documentation of methods that implement others, but not that of constructors.
  if (symbol.name === '__constructor' && !takesArguments(symbol)) return
  const declaration = symbol.declarations?.[0]
  if (declaration === undefined) return
  const file = declaration.getSourceFile()
  const { line } = file.getLineAndCharacterOfPosition(declaration.getStart())
  undocumented.add(`${relative(root, file.fileName)}:${line + 1}: ${name} has no doc comment`)
}

function membersOf(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol[] {
  const maker = symbol.members?.get(ts.InternalSymbolName.Constructor)
  const isClass = (symbol.flags & ts.SymbolFlags.Class) !== 0
  const members = [
    ...(hasMembers(symbol) ? checker.getDeclaredTypeOfSymbol(symbol).getProperties() : []),
    ...(isClass ? [...(maker ? [maker] : []), ...(symbol.exports?.values() ?? [])] : []),
  ]
  return members.filter((member) => isPublic(member) && isOurs(member))
}

// Classes, interfaces, and type Options = { … }
function hasMembers(symbol: ts.Symbol): boolean {
  if (symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface)) return true
  const alias = symbol.declarations?.find(ts.isTypeAliasDeclaration)
  return alias !== undefined && ts.isTypeLiteralNode(alias.type)
}

function isPublic(member: ts.Symbol): boolean {
  const unnamed = ts.SymbolFlags.Signature | ts.SymbolFlags.TypeParameter | ts.SymbolFlags.Prototype
  return !(member.flags & unnamed) && !(member.declarations ?? []).some(isPrivate)
}

function isPrivate(declaration: ts.Declaration): boolean {
  const name = ts.getNameOfDeclaration(declaration)
  return (
    (name !== undefined && ts.isPrivateIdentifier(name)) ||
    (ts.getCombinedModifierFlags(declaration) & ts.ModifierFlags.Private) !== 0
  )
}

function isOurs(symbol: ts.Symbol): boolean {
  const files = (symbol.declarations ?? []).map((declaration) => declaration.getSourceFile())
  return files.some((file) => /^packages\/[^/]+\/src\//.test(relative(root, file.fileName)))
}

function takesArguments(member: ts.Symbol): boolean {
  return (member.declarations ?? []).some(
    (declaration) => ts.isConstructorDeclaration(declaration) && declaration.parameters.length > 0,
  )
}

function memberName(member: ts.Symbol): string {
  const declaration = member.declarations?.[0]
  const name = declaration && ts.getNameOfDeclaration(declaration)
  return name?.getText() ?? member.name.replace('__constructor', 'constructor')
}
