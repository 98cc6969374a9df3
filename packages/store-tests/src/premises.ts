import { atOnce } from './at-once.ts'
import { attempt, isAbsent } from './expect.ts'
import { live, text } from './sample.ts'
import type { Subject } from './subject.ts'

// One fault, one failing case: some cases can only tell something when a simpler promise holds,
// which another case checks. They ask here first, and leave the failing to that case.

/** Whether delete removes a session. */
export async function deleteRemoves(subject: Subject): Promise<boolean> {
  const token = subject.token()
  await subject.commit(token, text('to be deleted'), live())
  await subject.delete(token)
  return isGone(subject, token)
}

/** Whether delete leaves other sessions alone. */
export async function deleteSparesOthers(subject: Subject): Promise<boolean> {
  const [token, other] = [subject.token(), subject.token()]
  await subject.commit(token, text('to be deleted'), live())
  await subject.commit(other, text('to be kept'), live())
  await subject.delete(token)
  return !(await isGone(subject, other))
}

/** Whether data comes back as it was committed. */
export async function keepsData(subject: Subject, ...all: readonly Uint8Array[]): Promise<boolean> {
  for (const data of all) {
    const token = subject.token()
    await subject.commit(token, data, live())
    if (!(await holds(subject, token, data))) return false
  }
  return true
}

/** Whether touch leaves data alone and creates nothing, and commit replaces data. */
export async function touchLeavesData(subject: Subject): Promise<boolean> {
  const [token, missing] = [subject.token(), subject.token()]
  await subject.commit(token, text('held'), live())
  await subject.touch(missing, live())
  await subject.touch(token, live())
  if (!(await holds(subject, token, text('held')))) return false
  await subject.commit(token, text('held anew'), live())
  return (await holds(subject, token, text('held anew'))) && isGone(subject, missing)
}

/** Whether swap writes a session, moves it, takes another out, and compares. */
export async function swapWorks(subject: Subject): Promise<boolean> {
  const [token, other, moved] = [subject.token(), subject.token(), subject.token()]
  const from = { token, data: text('old') }
  const absorbed = [{ token: other, data: text('other') }]
  const to = { token: moved, data: text('new'), expiry: live() }
  await subject.commit(token, text('old'), live())
  await subject.commit(other, text('other'), live())
  if (await subject.swap({ from: { token, data: text('OLD') }, to, absorbed })) return false
  if ((await subject.swap({ from, to, absorbed })) !== true) return false
  if (await subject.swap({ from, to: { ...to, token }, absorbed: [] })) return false
  if (await subject.swap({ from: undefined, to, absorbed: [] })) return false
  if (!(await isGone(subject, token)) || !(await isGone(subject, other))) return false
  return holds(subject, moved, text('new'))
}

/** Whether of several swaps of one session at once one is true. */
export async function swapIsOneStep(subject: Subject): Promise<boolean> {
  const row = { token: subject.token(), data: text('contended') }
  await subject.commit(row.token, row.data, live())
  const won = await atOnce(10, (index) =>
    subject.swap({
      from: row,
      to: { token: row.token, data: text(`by ${index}`), expiry: live() },
      absorbed: [],
    }),
  )
  return won.filter((result) => result).length === 1
}

async function isGone(subject: Subject, token: string): Promise<boolean> {
  return isAbsent(await attempt(() => subject.find(token)))
}

async function holds(subject: Subject, token: string, data: Uint8Array): Promise<boolean> {
  const found = await subject.find(token)
  return found !== undefined && found !== null && Buffer.compare(found, data) === 0
}
