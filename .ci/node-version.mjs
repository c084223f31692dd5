/** The oldest Node this runs on. Read by every entry script before anything newer than it is used. */
export const oldestNode = '20.19.0'

/** Ends the process with one sentence when this Node is too old. */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [wantedMajor = 0, wantedMinor = 0] = oldestNode.split('.').map(Number)
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return
  console.error(
    `Tidemark needs Node ${wantedMajor}.${wantedMinor} or newer and this is ${process.versions.node}: install a newer one and run the command again.`,
  )
  process.exit(1)
}
