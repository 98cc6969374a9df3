/**
 * What a client may send in place of a token, each with a name that can be printed. `token` is one
 * that may be there: some are made of it.
 */
export function malformedTokens(
  token: string,
): readonly (readonly [kind: string, token: string])[] {
  return [
    ['empty', ''],
    ['44 characters', `${token}A`],
    ['a NUL after a token', `${token}\0`],
    ['NUL alone', '\0'],
    ['percent escapes', '%00%20%27%ff'],
    ['plus, slash and padding of plain base64', 'ab+/cd=='],
    ['quotes', `"'\`${token}`],
    ['SQL', `${token}' OR '1'='1`],
    ['SQL with a comment', `'; DROP TABLE sessions; --`],
    ['a backslash', `${token.slice(1)}\\`],
    ['a path', '../../etc/passwd'],
    ['control characters', '\r\n\t\x1b\x7f'],
    ['accents', 'àéîõü'],
    ['an emoji', '\u{1f36a}'],
    ['full-width letters', 'ＡＢＣ'],
    ['half a surrogate pair', '\ud83c'],
    ['64 KB', 'a'.repeat(65_536)],
  ]
}
