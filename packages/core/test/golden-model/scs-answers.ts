import type { Step, Transcript } from '../golden-replay/transcript.ts'
import type { Config } from '../golden-server/config.ts'
import { mapTexts, World } from './conversation.ts'
import { ours, scs } from './dialect.ts'
import { TokenNames } from './tokens.ts'

/** A transcript of these steps, with the answers of the model of SCS. */
export function asScsAnswers(
  name: string,
  steps: readonly Step[],
  config: Config = {},
): Transcript {
  const names = new TokenNames()
  const [theirs, mine] = [new World(config, names), new World(config, names)]
  const seen: string[] = []
  const answered = steps.map((step): Step => {
    const asked = mapTexts(step, (text) => withTokens(text, seen)) as Step
    const [out, shown] = [theirs.play(asked, scs), mine.play(asked, ours)]
    if (out === undefined) return asked
    for (const [, token = ''] of JSON.stringify(shown).matchAll(/<(Ts\w+)>/g)) {
      if (!seen.includes(token)) seen.push(token)
    }
    return { ...asked, out: structuredClone(out) }
  })
  return { name, title: name, tags: [], config, steps: answered }
}

// {{seen 3}}: a token that an earlier step has shown, here.
function withTokens(text: string, seen: readonly string[]): string {
  return text.replace(/\{\{(.*?)seen (\d)\}\}/g, (_, word: string, n: string) => {
    const token = seen[Number(n) % Math.max(seen.length, 1)]
    return token === undefined ? 'nosuch' : `{{${word}${token}}}`
  })
}
