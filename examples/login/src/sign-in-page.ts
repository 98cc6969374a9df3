import { type Html, html } from './html.ts'
import { layout } from './layout.ts'
import type { Flash } from './sessions.ts'

/** The form that asks for name and password. */
export function signInPage(flash: Flash | undefined): Html {
  return layout(
    'Sign in',
    flash,
    html`<form method="post" action="/login">
<label for="name">Name</label>
<input id="name" name="name" autocomplete="username" autocapitalize="none" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<label class="check"><input name="remember" type="checkbox"> Remember me on this device</label>
<button class="main">Sign in</button>
</form>
<p class="hint">In this demonstration: <code>ada</code>, <code>analytical engine</code></p>`,
  )
}
