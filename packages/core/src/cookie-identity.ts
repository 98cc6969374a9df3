/**
 * What browsers tell cookies apart by, of a Set-Cookie line: name, domain, path and whether it is partitioned (RFC 6265bis
 * section 5.7).
 *
 * @param url that of the request, which an absent path is taken from; `undefined` where it is not known
 */
export function cookieIdentity(line: string, url: string | undefined): string {
  const [pair = '', ...attributes] = line.split(';')
  let domain = ''
  let path = ''
  let isPartitioned = false
  // Of repeated attributes the last counts.
  for (const attribute of attributes) {
    const equals = attribute.indexOf('=')
    const name = (equals < 0 ? attribute : attribute.slice(0, equals)).trim().toLowerCase()
    const value = equals < 0 ? '' : attribute.slice(equals + 1).trim()
    if (name === 'domain') domain = value.toLowerCase().replace(/^\./, '')
    else if (name === 'path') path = value
    else if (name === 'partitioned') isPartitioned = true
  }
  if (!path.startsWith('/')) path = url === undefined ? '' : defaultPath(url)
  const name = pair.slice(0, Math.max(pair.indexOf('='), 0)).trim()
  return JSON.stringify([name, domain, path, isPartitioned])
}

// RFC 6265 section 5.1.4.
function defaultPath(url: string): string {
  const [path = ''] = url.split(/[?#]/, 1)
  return path.startsWith('/') ? path.slice(0, path.lastIndexOf('/')) || '/' : '/'
}
