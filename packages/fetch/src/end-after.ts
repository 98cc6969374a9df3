/**
 * The bytes of `body`, with `work` before their end: also when the body breaks off, or nobody wants
 * the rest of it. It breaks off when `work` rejects.
 */
export function endAfter(
  body: ReadableStream<Uint8Array>,
  work: () => Promise<void>,
): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  const read = async () => {
    try {
      return await reader.read()
    } catch (error) {
      await work()
      throw error
    }
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await read()
        if (!done) return controller.enqueue(value)
        await work()
        controller.close()
      },
      async cancel(reason) {
        try {
          await reader.cancel(reason)
        } finally {
          await work()
        }
      },
    },
    // Nothing is read before it is asked for, as without this stream in between.
    { highWaterMark: 0 },
  )
}
