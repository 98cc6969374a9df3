import { Html, html } from './html.ts'
import type { Flash } from './sessions.ts'
import { style } from './style.ts'

// Made once, and of trusted text alone.
const styleElement = new Html(`<style>${style}</style>`)

/** A whole page: its message, if there is one, and its content. */
export function layout(title: string, flash: Flash | undefined, content: Html): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<link rel="icon" href="data:,">
${styleElement}
</head>
<body>
<main>
<h1>${title}</h1>
${flash ? html`<p class="flash" role="${flash.role}">${flash.text}</p>` : ''}
${content}
</main>
</body>
</html>
`
}
