import type { Recipe } from '../servers/private-server.ts'

/** What the paths of a location begin with, and what is written there beside `proxy_cache`. */
export type Locations = Readonly<Record<string, readonly string[]>>

/** Where nginx tells how many requests it is at work on. */
export const statusPath = '/nginx-status'

/**
 * nginx with one cache for all locations, in front of a server of this machine. Responses that say nothing of caching
 * are cached for a minute; each response tells in X-Cache-Status where it came from. `http`: what is written beside the server.
 */
export function nginx(
  program: string,
  upstreamPort: number,
  locations: Locations,
  http: readonly string[],
): Recipe {
  return {
    name: 'nginx',
    account: 'www-data',
    prepare: (directory) => ['mkdir', `${directory}/cache`, `${directory}/temporary`],
    serve: (directory, port) => [
      ...['sh', '-c', 'printf %s "$2" >nginx.conf && exec "$1" -p "$PWD" -e stderr -c nginx.conf'],
      ...['sh', program, configuration(directory, port, upstreamPort, locations, http)],
    ],
    stopSignal: 'TERM',
    // The port has been open for longer: connections wait for the workers.
    ready: /start worker process /,
  }
}

function configuration(
  directory: string,
  port: number,
  upstreamPort: number,
  locations: Locations,
  http: readonly string[],
): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const temporary = kinds.map((kind) => `${kind}_temp_path ${directory}/temporary/${kind};`)
  const blocks = Object.entries(locations).map(
    ([path, lines]) => `location ${path} { proxy_pass http://127.0.0.1:${upstreamPort}/;
      proxy_cache cache; ${lines.join('\n')} }`,
  )
  return `
    daemon off;
    worker_processes 1;
    pid ${directory}/pid;
    error_log stderr notice;
    events { worker_connections 256; }
    http {
      access_log off;
      ${temporary.join('\n')}
      proxy_cache_path ${directory}/cache keys_zone=cache:1m;
      proxy_cache_valid 200 1m;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      add_header X-Cache-Status $upstream_cache_status always;
      ${http.join('\n')}
      server {
        listen 127.0.0.1:${port};
        ${blocks.join('\n')}
        location ${statusPath} { stub_status; }
      }
    }`
}
