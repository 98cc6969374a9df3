import serverlessExpress5 from '@codegenie/serverless-express'
import serverlessExpress4 from '@codegenie/serverless-express4'
import serverlessHttp from 'serverless-http'
import type { Handler, Listener, ServerKind } from '../server-kind.ts'
import { type Asked, type Collected, ofCollected, toListener } from './collected.ts'
import { express5 } from './express.ts'
import { http } from './node.ts'

/** Formats of the events of AWS API Gateway. */
type Payload = 'v1' | 'v2'

/** What API Gateway gets back, in either format. */
interface Result {
  readonly statusCode: number
  readonly headers?: Record<string, string>
  readonly multiValueHeaders?: Record<string, string[]>
  readonly cookies?: string[]
  readonly body?: string
  readonly isBase64Encoded?: boolean
}

type Wrap = (app: Listener) => (event: object, context: object) => Promise<Result>

type ServerlessExpress = (options: object) => ReturnType<Wrap>

const wraps = {
  'serverless-http': (app: Listener) => serverlessHttp(app as never, { binary: true }),
  'serverless-express 4': (app: Listener) => serverlessExpress(serverlessExpress4, app),
  'serverless-express 5': (app: Listener) => serverlessExpress(serverlessExpress5, app),
} as unknown as Record<string, Wrap>

// It looks at what it is given to find out what it is: a bare listener goes in as the property of an object.
function serverlessExpress(create: unknown, app: Listener): ReturnType<Wrap> {
  const isExpress = typeof (app as { handle?: unknown }).handle === 'function'
  const given = isExpress ? app : { handler: app }
  const binarySettings = { isBinary: true }
  return (create as ServerlessExpress)({ app: given, binarySettings })
}

function lambda(name: keyof typeof wraps, payload: Payload, around: ServerKind): ServerKind {
  return {
    name: `${name}, ${payload}, ${around.name}`,
    protocol: 'http',
    answersErrors: around.answersErrors,
    lacks: ofCollected,
    async listener(managers, handler: Handler) {
      const app = await around.listener(managers, handler)
      const invoke = wraps[name]?.(app)
      return toListener(async (asked) => {
        const result = await invoke?.(payload === 'v1' ? eventV1(asked) : eventV2(asked), {})
        return collectedOf(result ?? { statusCode: 500 })
      })
    },
  }
}

/** API Gateway in front of each wrapper, with both formats of events, around an Express application and a bare listener. */
export const lambdas: readonly ServerKind[] = [
  lambda('serverless-http', 'v1', express5),
  lambda('serverless-http', 'v2', http),
  lambda('serverless-express 4', 'v1', http),
  lambda('serverless-express 4', 'v2', express5),
  lambda('serverless-express 5', 'v1', express5),
  lambda('serverless-express 5', 'v2', http),
]

// https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
function eventV1({ method, url, headers, body }: Asked): object {
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  return {
    httpMethod: method,
    path: pathname,
    resource: '/{proxy+}',
    headers,
    multiValueHeaders: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, [value]]),
    ),
    queryStringParameters: Object.fromEntries(searchParams),
    multiValueQueryStringParameters: Object.fromEntries(
      [...searchParams.keys()].map((key) => [key, searchParams.getAll(key)]),
    ),
    requestContext: { httpMethod: method, path: pathname, identity: { sourceIp: '127.0.0.1' } },
    body: body.toString('base64'),
    isBase64Encoded: true,
  }
}

// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
function eventV2({ method, url, headers, body }: Asked): object {
  const { pathname, search } = new URL(url, 'http://localhost')
  const { cookie, ...others } = headers
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: pathname,
    rawQueryString: search.slice(1),
    headers: others,
    ...(cookie === undefined ? {} : { cookies: cookie.split('; ') }),
    requestContext: {
      http: { method, path: pathname, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: '' },
    },
    body: body.toString('base64'),
    isBase64Encoded: true,
  }
}

function collectedOf(result: Result): Collected {
  const { statusCode, headers = {}, multiValueHeaders = {}, cookies = [], body = '' } = result
  return {
    status: statusCode,
    headers: {
      ...headers,
      ...multiValueHeaders,
      ...(cookies.length > 0 ? { 'set-cookie': cookies } : {}),
    },
    body: Buffer.from(body, result.isBase64Encoded ? 'base64' : 'utf8'),
  }
}
