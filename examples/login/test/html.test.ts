import { expect, it } from 'vitest'
import { Html, html } from '../src/html.ts'

it('puts strings into a page as text', () => {
  const text = `<script>'&"</script>`
  expect(html`<p title="${text}">${text}</p>`.text).toBe(
    '<p title="&#60;script&#62;&#39;&#38;&#34;&#60;/script&#62;">&#60;script&#62;&#39;&#38;&#34;&#60;/script&#62;</p>',
  )
})

it('puts HTML, and lists of it, into a page as they are', () => {
  const items = ['a', '<'].map((item) => html`<li>${item}</li>`)
  expect(html`<ul>${items}</ul>${new Html('<hr>')}${html`<br>`}`.text).toBe(
    '<ul><li>a</li><li>&#60;</li></ul><hr><br>',
  )
})
