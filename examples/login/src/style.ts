/** The stylesheet of every page. Colours follow the reader's choice of light or dark. */
export const style = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f3f4f6, #15171c);
  --card: light-dark(#fff, #1f2229);
  --text: light-dark(#1c1f26, #e7e9ee);
  --quiet: light-dark(#565d6b, #a2a9b8);
  --line: light-dark(#c9ced8, #454b59);
  --accent: light-dark(#2454c5, #8fb0ff);
  --on-accent: light-dark(#fff, #10131a);
  --good: light-dark(#e6f4ea, #1d3527);
  --bad: light-dark(#fdeaea, #45211f);
}
* { box-sizing: border-box }
body { margin: 0; padding: 1rem; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 28rem; margin: 6vh auto; padding: 2rem; border-radius: .75rem; background: var(--card);
  box-shadow: 0 1px 4px #0003 }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.25 }
h2 { margin: 2rem 0 0; font-size: 1.125rem }
label { display: block; margin-top: 1rem; font-weight: 600 }
input:not([type=checkbox]) { width: 100%; margin-top: .25rem; padding: .5rem .75rem; border: 1px solid var(--line);
  border-radius: .375rem; background: transparent; color: inherit; font: inherit }
.check { display: flex; gap: .5rem; align-items: center; margin-bottom: 1.25rem; font-weight: 400 }
.check input { width: 1.125rem; height: 1.125rem; margin: 0; accent-color: var(--accent) }
button { flex: none; padding: .375rem .75rem; border: 1px solid var(--line); border-radius: .375rem; cursor: pointer;
  background: transparent; color: inherit; font: inherit }
button:hover { border-color: var(--accent) }
button.main { width: 100%; padding: .5rem; border-color: var(--accent); background: var(--accent);
  color: var(--on-accent); font-weight: 600 }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
ul { margin: 0 0 1rem; padding: 0; list-style: none }
li { display: flex; gap: 1rem; align-items: center; justify-content: space-between; padding: .75rem 0;
  border-bottom: 1px solid var(--line) }
small { display: block; color: var(--quiet); font-size: .875rem }
.present { flex: none; color: var(--accent); font-size: .875rem; font-weight: 600 }
.flash { padding: .5rem .75rem; border-radius: .375rem; background: var(--good); overflow-wrap: anywhere }
.flash[role=alert] { background: var(--bad) }
.hint { margin: 1.25rem 0 0; color: var(--quiet); font-size: .875rem }
@media (max-width: 30rem) { main { margin: 0; padding: 1.25rem } }
`
