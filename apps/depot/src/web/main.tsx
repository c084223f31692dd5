import './zod-config.ts'
import './styles.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.tsx'
import { loadSession } from './session/session-store.ts'

const root = document.getElementById('app')
if (root === null) throw new Error('index.html has no element with the id "app".')
// Some milliseconds, and no flash of the sign-in screen for those who are signed in.
await loadSession()
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
)
