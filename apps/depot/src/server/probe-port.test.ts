import { createServer, type AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { probePort } from './probe-port.ts'

it('tells a taken port from a free one, and leaves a free one free', async () => {
  const occupant = createServer()
  await new Promise<void>((resolve) => occupant.listen(0, '127.0.0.1', resolve))
  const { port } = occupant.address() as AddressInfo
  await expect(probePort(port, '127.0.0.1')).rejects.toMatchObject({ code: 'EADDRINUSE' })
  await new Promise((resolve) => occupant.close(resolve))
  await probePort(port, '127.0.0.1')
  await probePort(port, '127.0.0.1')
})
