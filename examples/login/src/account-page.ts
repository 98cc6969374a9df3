import { browserName } from './browser-name.ts'
import { type Html, html } from './html.ts'
import { layout } from './layout.ts'
import type { Flash } from './sessions.ts'
import type { YourSession } from './your-sessions.ts'

// Without the year: no session lives that long.
const moment = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
})

/** The private page: who is signed in, and where else. */
export function accountPage(
  userName: string,
  all: readonly YourSession[],
  flash: Flash | undefined,
): Html {
  const hasOthers = all.some(({ isPresent }) => !isPresent)
  return layout(
    'Your account',
    flash,
    html`<p>Signed in as <strong>${userName}</strong>.</p>
<form method="post" action="/logout"><button class="main">Sign out</button></form>
<h2 id="sessions">Your sessions</h2>
<small>Times are UTC.</small>
<form method="post" action="/sessions/sign-out">
<ul aria-labelledby="sessions">${all.map(item)}</ul>
</form>
${hasOthers ? signOutOthers : ''}`,
  )
}

const signOutOthers = html`<form method="post" action="/sessions/sign-out-others">
<button>Sign out everywhere else</button>
</form>`

function item({ id, isPresent, userAgent, signedIn, lastSeen }: YourSession): Html {
  const browser = browserName(userAgent)
  const end = isPresent
    ? html`<span class="present">This session</span>`
    : html`<button name="id" value="${id}" aria-label="Sign out ${browser}">Sign out</button>`
  return html`
<li${isPresent ? html` aria-current="true"` : ''}>
<div>
<strong>${browser}</strong>
<small>Signed in ${time(signedIn)}</small>
${isPresent ? '' : html`<small>Last seen ${time(lastSeen)}</small>`}
</div>
${end}
</li>`
}

function time(date: Date): Html {
  return html`<time datetime="${date.toISOString()}">${moment.format(date)}</time>`
}
