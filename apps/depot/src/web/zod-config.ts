import { z } from 'zod'

// Imported before any schema is built: zod would otherwise compile validators with `new Function`, which a content
// security policy without `unsafe-eval` forbids.
z.config({ jitless: true })
