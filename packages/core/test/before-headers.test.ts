import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { beforeHeaders, SessionError } from '../src/index.ts'
import { exchange, request, serve } from './support/servers.ts'

type Handler = (res: ServerResponse, req: { readonly url?: string | undefined }) => unknown

const big = Buffer.alloc(300_000, 'abcdefghij')

// What a handler may do with a response, as black boxes: the gate must not show.
const handlers: Record<string, Handler> = {
  'end()': (res) => res.end(),
  'end(text)': (res) => res.end('hello'),
  'end(buffer)': (res) => res.end(Buffer.from([0, 255, 128])),
  'end(text, encoding)': (res) => res.end('68656c6c6f', 'hex'),
  'end(callback)': (res) => res.end(() => {}),
  'end(null)': (res) => res.end(null),
  'end twice': (res) => {
    res.on('error', () => {})
    res.end('one')
    res.end('two')
  },
  'write and end': (res) => {
    res.write('a')
    res.write('b')
    res.end('c')
  },
  'writes in later turns': async (res) => {
    res.write('a')
    await turn()
    res.write('b')
    await turn()
    res.end()
  },
  'an empty write': (res) => {
    res.write('')
    res.end('x')
  },
  'writeHead(status)': (res) => res.writeHead(404).end('gone'),
  'writeHead(status, reason)': (res) => res.writeHead(299, 'Fine').end('x'),
  'writeHead(status, headers)': (res) =>
    res.writeHead(201, { 'Content-Type': 'text/plain', 'X-Many': ['1', '2'] }).end('x'),
  'writeHead(status, reason, headers)': (res) => res.writeHead(200, 'Yes', { ETag: '"1"' }).end(),
  'writeHead(status, flat list)': (res) =>
    res.writeHead(200, ['X-A', '1', 'X-A', '2', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']).end('x'),
  'writeHeader, the old name of writeHead': (res) => {
    // Node 26 has it no more.
    const { writeHeader = res.writeHead } = res as unknown as { writeHeader?: typeof res.writeHead }
    writeHeader.call(res, 404, { A: '1' })
    res.end('gone')
  },
  'writeHead over headers that were set': (res) => {
    res.setHeader('X-A', 'old')
    res.setHeader('Set-Cookie', 'old=1')
    res.writeHead(200, { 'x-a': 'new', 'Set-Cookie': 'new=1' })
    res.end('x')
  },
  'setHeader, appendHeader, setHeaders, removeHeader': (res) => {
    res.setHeader('X-A', '1')
    res.appendHeader('X-A', '2')
    res.setHeaders(new Map([['X-B', '3']]))
    res.setHeader('X-C', '4')
    res.removeHeader('X-C')
    res.end('x')
  },
  'Content-Length of its own': (res) => {
    res.setHeader('Content-Length', 2)
    res.write('a')
    res.end('b')
  },
  'flushHeaders, then writes': async (res) => {
    res.flushHeaders()
    await turn()
    res.write('data: 1\n\n')
    res.end()
  },
  '204': (res) => res.writeHead(204).end(),
  '304': (res) => {
    res.statusCode = 304
    res.end()
  },
  'a redirect': (res) => res.writeHead(302, { Location: '/elsewhere' }).end(),
  trailers: (res) => {
    res.writeHead(200, { Trailer: 'X-Sum' })
    res.write('x')
    res.addTrailers({ 'X-Sum': '1' })
    res.end()
  },
  'cork and uncork': (res) => {
    res.cork()
    res.write('a')
    res.write('b')
    res.uncork()
    res.end('c')
  },
  'a status set too late': (res) => {
    res.end('x')
    res.statusCode = 500
  },
  pipe: (res) => Readable.from([big.subarray(0, 100_000), big.subarray(100_000)]).pipe(res),
  pipeline: (res) => pipeline(Readable.from([big]), res),
  'a writer that heeds backpressure': async (res) => {
    for (let i = 0; i < 20; i++) if (!res.write(big)) await once(res, 'drain')
    res.end()
  },
  'early hints, then 200': (res) => {
    res.writeEarlyHints({ link: '</a.css>; rel=preload' })
    res.end('x')
  },
  'writeProcessing, then 200': (res) => {
    res.writeProcessing()
    res.end('x')
  },
}

const hooks: Record<string, (res: ServerResponse) => unknown> = {
  'a hook that is done at once': (res) => res.setHeader('X-Hook', '1'),
  'a hook that takes some turns': async (res) => {
    await turn()
    await turn()
    res.setHeader('X-Hook', '1')
  },
}

function gated(handler: Handler, hook: (res: ServerResponse) => unknown) {
  return async (req: { url?: string | undefined }, res: ServerResponse) => {
    beforeHeaders(
      res,
      () => hook(res),
      (error) => res.destroy(error as Error),
    )
    await handler(res, req)
  }
}

// Date moves by itself; X-Hook is what the hook adds, and where it stands among the headers is its own affair. How a
// body is cut into chunks is Node's, which joins what is written in one turn.
function normal(wire: string): string {
  const kept = wire.replace(/^Date: .*\r\n/gm, '').replace(/^X-Hook: 1\r\n/gm, '')
  const end = kept.lastIndexOf('\r\nTransfer-Encoding: chunked\r\n')
  if (end < 0) return kept
  const body = kept.indexOf('\r\n\r\n', end) + 4
  return kept.slice(0, body) + unchunked(kept.slice(body))
}

// The data of all chunks, and the trailers.
function unchunked(body: string): string {
  let data = ''
  let rest = body
  for (;;) {
    const [line = ''] = rest.split('\r\n', 1)
    const size = Number.parseInt(line, 16)
    if (!(size > 0)) return `${data}\r\n${rest}`
    data += rest.slice(line.length + 2, line.length + 2 + size)
    rest = rest.slice(line.length + 2 + size + 2)
  }
}

describe('a response with a hook is the same on the wire as one without', () => {
  for (const [hookName, hook] of Object.entries(hooks)) {
    describe(hookName, () => {
      for (const [name, handler] of Object.entries(handlers)) {
        for (const line of ['GET /', 'HEAD /']) {
          // Node refuses trailers where there is no body.
          if (name === 'trailers' && line === 'HEAD /') continue
          it(`${line.slice(0, 4).trim()} ${name}`, async () => {
            await using bare = await serve((req, res) => handler(res, req))
            await using guarded = await serve(gated(handler, hook))
            const expected = await exchange(bare.port, request(line))
            const actual = await exchange(guarded.port, request(line))
            expect(actual).toMatch(/^X-Hook: 1\r$/m)
            expect(normal(actual)).toBe(normal(expected))
          })
        }
      }

      it('HTTP/1.0', async () => {
        await using bare = await serve((_req, res) => handlers['write and end']?.(res, {}))
        await using guarded = await serve(gated(handlers['write and end'] ?? (() => {}), hook))
        const text = 'GET / HTTP/1.0\r\n\r\n'
        expect(normal(await exchange(guarded.port, text))).toBe(
          normal(await exchange(bare.port, text)),
        )
      })

      it('answers pipelined requests in order', async () => {
        let first = true
        const slowFirst = async (res: ServerResponse) => {
          if (first) {
            first = false
            for (let i = 0; i < 10; i++) await turn()
          }
          return hook(res)
        }
        await using server = await serve(gated((res, req) => res.end(req.url), slowFirst))
        const text = `${request('GET /1', { Connection: 'keep-alive' })}${request('GET /2')}`
        const wire = await exchange(server.port, text)
        expect(wire.match(/\r\n\r\n\/\d/g)).toEqual(['\r\n\r\n/1', '\r\n\r\n/2'])
      })
    })
  }
})

describe('while the hook is pending', () => {
  async function held(run: (res: ServerResponse, release: () => void) => unknown): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<void>()
    await using server = await serve(
      gated(
        (res) => run(res, resolve),
        () => promise,
      ),
    )
    return await exchange(server.port, request('GET /'))
  }

  it('nothing has left', async () => {
    let seen = 'unset'
    const { promise, resolve } = Promise.withResolvers<void>()
    await using server = await serve(
      gated(
        (res) => res.end('late'),
        () => promise,
      ),
    )
    const socket = connect(server.port, '127.0.0.1')
    socket.write(request('GET /'))
    seen = ''
    socket.on('data', (chunk) => {
      seen += chunk
    })
    await once(server.server, 'request')
    for (let i = 0; i < 20; i++) await turn()
    expect(seen).toBe('')
    resolve()
    await once(socket, 'close')
    expect(seen).toContain('late')
  })

  it('the response has sent its headers, and is not finished', async () => {
    const seen: unknown[] = []
    const look = (res: ServerResponse) =>
      seen.push([res.headersSent, res.writableEnded, res.finished, res.writableFinished])
    const wire = await held(async (res, release) => {
      look(res)
      res.write('a')
      look(res)
      res.end('b')
      look(res)
      release()
      await once(res, 'finish')
      look(res)
    })
    expect(seen).toEqual([
      [false, false, false, false],
      [true, false, false, false],
      [true, false, false, false],
      [true, true, true, true],
    ])
    expect(wire).toContain('200 OK')
  })

  it('headers can still be set, for the hook needs that', async () => {
    const wire = await held((res, release) => {
      res.end('x')
      res.setHeader('X-Late', '1')
      res.appendHeader('X-Late', '2')
      res.setHeader('X-Gone', '1')
      res.removeHeader('X-Gone')
      release()
    })
    expect(wire).toContain('X-Late: 1\r\nX-Late: 2\r\n')
    expect(wire).not.toContain('X-Gone')
  })

  it('what says where the body ends comes too late: the answer is whole', async () => {
    const wire = await held((res, release) => {
      res.end('whole')
      res.setHeader('Content-Length', '3')
      res.setHeader('Transfer-Encoding', 'chunked')
      release()
    })
    expect(wire).toContain('Content-Length: 5\r\n')
    expect(wire).not.toContain('Transfer-Encoding')
    expect(wire).toMatch(/\r\n\r\nwhole$/)
  })

  it('a second writeHead throws as after the headers were sent', async () => {
    let error: unknown
    await held((res, release) => {
      res.writeHead(200)
      try {
        res.writeHead(500)
      } catch (thrown) {
        error = thrown
      }
      res.end()
      release()
    })
    expect(error).toMatchObject({ code: 'ERR_HTTP_HEADERS_SENT' })
  })

  it('callbacks are called once, in order, after the release', async () => {
    const called: string[] = []
    await held(async (res, release) => {
      res.write('a', () => called.push('write'))
      res.write('b', 'utf8', () => called.push('write with encoding'))
      res.end('c', () => called.push('end'))
      await turn()
      called.push('release')
      release()
    })
    expect(called).toEqual(['release', 'write', 'write with encoding', 'end'])
  })

  it('write tells its caller to wait, and drain comes after the release', async () => {
    const seen: unknown[] = []
    const wire = await held(async (res, release) => {
      seen.push(res.write('x'), res.writableNeedDrain, res.writableLength)
      seen.push(res.write('y'.repeat(res.writableHighWaterMark)), res.writableNeedDrain)
      release()
      await once(res, 'drain')
      seen.push('drain')
      res.end()
    })
    expect(seen).toEqual([true, false, 1, false, true, 'drain'])
    expect(wire).toContain('yyy')
  })

  it('middleware that makes the header itself finds it made', async () => {
    const wire = await held((res, release) => {
      res.write('a')
      ;(res as unknown as { _implicitHeader(): void })._implicitHeader()
      res.end('b')
      release()
    })
    expect(wire).toContain('200 OK')
  })

  it('a client that goes away is no crash, and the hook is carried through', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const done = Promise.withResolvers<string>()
    await using server = await serve(
      gated(
        async (res) => {
          res.write('a')
          res.end('b', () => {})
          await once(res, 'close')
          resolve()
        },
        async () => {
          await promise
          done.resolve('carried through')
        },
      ),
    )
    const socket = connect(server.port, '127.0.0.1')
    socket.write(request('GET /'))
    await once(server.server, 'request')
    socket.destroy()
    expect(await done.promise).toBe('carried through')
  })
})

describe('bad arguments are errors at the caller, and nothing is sent', () => {
  const bad: Record<string, [(res: ServerResponse) => unknown, string]> = {
    'a status out of range': [(res) => res.writeHead(99), 'ERR_HTTP_INVALID_STATUS_CODE'],
    'a reason with a line break': [(res) => res.writeHead(200, 'a\nb'), 'ERR_INVALID_CHAR'],
    'a header name with a space': [
      (res) => res.writeHead(200, { 'a b': '1' }),
      'ERR_INVALID_HTTP_TOKEN',
    ],
    'a header value with a line break': [
      (res) => res.writeHead(200, { a: '1\n2' }),
      'ERR_INVALID_CHAR',
    ],
    'a list with a name too many': [(res) => res.writeHead(200, ['a']), 'ERR_INVALID_ARG_VALUE'],
    'a number to write': [(res) => res.write(1), 'ERR_INVALID_ARG_TYPE'],
    'null to write': [(res) => res.write(null), 'ERR_STREAM_NULL_VALUES'],
    'an object to end with': [(res) => res.end({}), 'ERR_INVALID_ARG_TYPE'],
  }
  for (const [hookName, hook] of Object.entries(hooks)) {
    for (const [name, [call, code]] of Object.entries(bad)) {
      it(`${name}, with ${hookName}`, async () => {
        let thrown: unknown
        await using server = await serve(
          gated((res) => {
            try {
              call(res)
            } catch (error) {
              thrown = error
            }
            for (const header of res.getHeaderNames()) res.removeHeader(header)
            res.writeHead(400, 'Bad Request')
            res.end('still mine')
          }, hook),
        )
        const wire = await exchange(server.port, request('GET /'))
        expect(thrown).toMatchObject({ code })
        expect(wire).toContain('400 Bad Request')
        expect(wire).toContain('still mine')
      })
    }
  }
})

describe('when the hook fails', () => {
  const failing: Record<string, () => unknown> = {
    'at once': () => {
      throw new Error('no')
    },
    'some turns later': async () => {
      await turn()
      throw new Error('no')
    },
  }

  const writers: Record<string, Handler> = {
    'end()': (res) => res.end('SECRET'),
    'writeHead and writes': (res) => {
      res.writeHead(201, 'Made', { 'X-Handler': '1', ETag: '"1"', 'Content-Length': '12' })
      res.write('SECRET')
      res.end('SECRET')
    },
    'writes in later turns': async (res) => {
      for (let i = 0; i < 10; i++) {
        res.write('SECRET')
        await turn()
      }
      res.end('SECRET')
    },
    pipeline: (res) => pipeline(Readable.from([big, 'SECRET']), res).catch(() => {}),
    'a writer that waits for drain': async (res) => {
      if (!res.write(big)) await once(res, 'drain')
      res.end('SECRET')
    },
  }

  for (const [when, hook] of Object.entries(failing)) {
    for (const [name, handler] of Object.entries(writers)) {
      it(`${when}, onError alone answers: ${name}`, async () => {
        const handled = Promise.withResolvers<void>()
        await using server = await serve(async (_req, res) => {
          res.setHeader('X-Entry', 'kept')
          beforeHeaders(res, hook, (error, answer) => {
            answer.statusCode = 503
            answer.end(`failed: ${(error as Error).message}`)
          })
          res.setHeader('X-Handler', '1')
          res.removeHeader('X-Entry')
          await handler(res, {})
          handled.resolve()
        })
        const wire = await exchange(server.port, request('GET /'))
        await handled.promise
        expect(wire).toMatch(/^HTTP\/1\.1 503 Service Unavailable\r\n/)
        expect(wire).toContain('X-Entry: kept')
        expect(wire).not.toContain('X-Handler')
        expect(wire).not.toContain('ETag')
        expect(wire).not.toContain('SECRET')
        expect(wire).toContain('failed: no')
        expect(wire.match(/HTTP\/1\.1/g)).toHaveLength(1)
      })
    }

    it(`${when}, an asynchronous onError is not mixed with what the handler goes on to write`, async () => {
      await using server = await serve(async (_req, res) => {
        beforeHeaders(res, hook, async (_error, answer) => {
          answer.write('answer ')
          for (let i = 0; i < 5; i++) await turn()
          answer.end('done')
        })
        for (let i = 0; i < 10; i++) {
          res.write('SECRET')
          await turn()
        }
        res.end('SECRET')
      })
      const wire = await exchange(server.port, request('GET /'))
      expect(wire).not.toContain('SECRET')
      expect(wire).toContain('answer ')
      expect(wire).toContain('done')
    })

    it(`${when}, trailers of the handler do not come after the answer`, async () => {
      await using server = await serve((_req, res) => {
        beforeHeaders(res, hook, (_error, answer) => {
          answer.write('answer')
          answer.end()
        })
        res.addTrailers({ 'X-Sum': 'SECRET' })
        res.end('SECRET')
      })
      const wire = await exchange(server.port, request('GET /'))
      expect(wire).toContain('answer')
      expect(wire).not.toContain('SECRET')
    })

    it(`${when}, what onError leaves open is ended, as a failure`, async () => {
      await using server = await serve((_req, res) => {
        beforeHeaders(res, hook, async () => {})
        res.end('SECRET')
      })
      const wire = await exchange(server.port, request('GET /'))
      expect(wire).toMatch(/^HTTP\/1\.1 500 Internal Server Error/)
      expect(wire).toMatch(/\r\n\r\n$/)
    })

    it(`${when}, an onError that throws cuts the connection`, async () => {
      await using server = await serve((_req, res) => {
        beforeHeaders(res, hook, () => {
          throw new Error('me too')
        })
        res.end('SECRET')
      })
      expect(await exchange(server.port, request('GET /'))).toBe('')
    })

    it(`${when}, the callbacks of what was dropped hear of it once`, async () => {
      const heard: unknown[] = []
      await using server = await serve(async (_req, res) => {
        beforeHeaders(res, hook, (_error, answer) => answer.end('answer'))
        res.write('a', (error) => heard.push(error instanceof Error))
        await once(res, 'close')
        res.end('b', () => heard.push('end'))
      })
      await exchange(server.port, request('GET /'))
      await turn()
      expect(heard).toEqual([true, 'end'])
    })

    it(`${when}, wrappers that came after the gate do not see the answer`, async () => {
      await using server = await serve((_req, res) => {
        beforeHeaders(res, hook, (_error, answer) => answer.end('plain'))
        // As a compression does it: everything goes through a stream of its own.
        const { write, end } = res
        const changed: string[] = []
        res.write = ((chunk: string) => {
          changed.push(chunk.toUpperCase())
          return true
        }) as typeof res.write
        res.end = ((chunk: string) => {
          write.call(res, [...changed, chunk.toUpperCase()].join(''), 'utf8', () => {})
          return end.call(res, undefined, 'utf8', () => {})
        }) as typeof res.end
        res.write('secret')
        res.end('secret')
      })
      const wire = await exchange(server.port, request('GET /'))
      expect(wire).toContain('plain')
      expect(wire).not.toMatch(/SECRET|PLAIN/)
    })
  }
})

describe('several hooks on one response', () => {
  it('run before the first byte, the last added first', async () => {
    const ran: string[] = []
    await using server = await serve((_req, res) => {
      const hook = (name: string) => async () => {
        await turn()
        ran.push(name)
        res.appendHeader('Set-Cookie', `${name}=1`)
      }
      beforeHeaders(res, hook('outer'), () => {})
      beforeHeaders(res, hook('inner'), () => {})
      res.end('x')
    })
    const wire = await exchange(server.port, request('GET /'))
    expect(ran).toEqual(['inner', 'outer'])
    expect(wire).toContain('Set-Cookie: inner=1\r\nSet-Cookie: outer=1\r\n')
  })

  it('keep the cookies of those that succeeded when one fails', async () => {
    await using server = await serve((_req, res) => {
      res.setHeader('Cache-Control', 'public, max-age=60')
      beforeHeaders(
        res,
        () => Promise.reject(new Error('no')),
        (_error, answer) => {
          answer.statusCode = 500
          answer.end('failed')
        },
      )
      beforeHeaders(
        res,
        () => {
          res.appendHeader('Set-Cookie', 'inner=1')
        },
        () => {},
      )
      res.setHeader('Set-Cookie', 'handler=1')
      res.end('SECRET')
    })
    const wire = await exchange(server.port, request('GET /'))
    expect(wire).toContain('500 Internal Server Error')
    expect(wire).toContain('Set-Cookie: inner=1\r\n')
    expect(wire).not.toContain('handler=1')
    expect(wire).toContain('Cache-Control: private, max-age=60\r\n')
  })

  it('leave the error response as it is when they have set no cookie', async () => {
    await using server = await serve((_req, res) => {
      beforeHeaders(
        res,
        () => Promise.reject(new Error('no')),
        (_error, answer) => answer.end('failed'),
      )
      beforeHeaders(
        res,
        () => {},
        () => {},
      )
      res.end('SECRET')
    })
    expect(await exchange(server.port, request('GET /'))).not.toContain('Cache-Control')
  })

  it('that come before the one that failed act on its answer', async () => {
    await using server = await serve((_req, res) => {
      beforeHeaders(
        res,
        async (answer) => {
          await turn()
          answer.setHeader('X-Outer', '1')
        },
        () => {},
      )
      beforeHeaders(
        res,
        () => Promise.reject(new Error('no')),
        (_error, answer) => answer.end('answer'),
      )
      res.end('SECRET')
    })
    const wire = await exchange(server.port, request('GET /'))
    expect(wire).toContain('X-Outer: 1')
    expect(wire).toContain('answer')
    expect(wire).not.toContain('SECRET')
  })

  const replaced: Record<string, (answer: ServerResponse, begun: Promise<void>) => unknown> = {
    'that is left open': (answer) => answer.write('replaced'),
    'that fails later': async (answer, begun) => {
      answer.write('replaced')
      await begun
      throw new Error('no')
    },
  }
  for (const [which, replacedAnswer] of Object.entries(replaced)) {
    it(`an error response ${which} does not cut the one that replaced it`, async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      try {
        const begun = Promise.withResolvers<void>()
        const rest = Promise.withResolvers<void>()
        await using server = await serve((_req, res) => {
          beforeHeaders(
            res,
            () => Promise.reject(new Error('no')),
            async (_error, answer) => {
              answer.write('half ')
              begun.resolve()
              await rest.promise
              answer.end('whole')
            },
          )
          beforeHeaders(
            res,
            () => {
              throw new Error('no')
            },
            (_error, answer) => replacedAnswer(answer, begun.promise),
          )
          res.end('SECRET')
        })
        const wire = exchange(server.port, request('GET /'))
        await begun.promise
        await turn()
        vi.advanceTimersByTime(5000)
        rest.resolve()
        expect(await wire).toMatch(/half .*whole/s)
      } finally {
        vi.useRealTimers()
      }
    })
  }
})

it('a hook cannot be added when the headers have left', async () => {
  let error: unknown
  await using server = await serve((_req, res) => {
    res.flushHeaders()
    try {
      beforeHeaders(
        res,
        () => {},
        () => {},
      )
    } catch (thrown) {
      error = thrown
    }
    res.end()
  })
  await exchange(server.port, request('GET /'))
  expect(error).toBeInstanceOf(SessionError)
  expect(error).toMatchObject({ code: 'ERR_SESSION_HEADERS_SENT' })
})

it('a method that was taken from the response earlier passes the gate all the same', async () => {
  await using server = await serve(
    gated(
      (res) => {
        const { write, end } = res
        write.call(res, 'a', 'utf8', () => {})
        end.call(res, 'b', 'utf8', () => {})
      },
      (res) => res.setHeader('X-Hook', '1'),
    ),
  )
  expect(await exchange(server.port, request('GET /'))).toContain('X-Hook: 1')
})
