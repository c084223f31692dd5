import type { ReactNode } from 'react'
import { Compass } from 'lucide-react'
import { Link } from 'wouter'
import { buttonClass } from '../ui/button.tsx'
import { Empty, Screen } from '../ui/screen.tsx'
import { texts } from '../texts.ts'

export function NotFoundScreen(): ReactNode {
  return (
    <Screen title={texts.notFound.title}>
      <Empty icon={<Compass size={22} aria-hidden />} title={texts.notFound.text}>
        <Link href="/orders" className={buttonClass('primary')}>
          {texts.notFound.button}
        </Link>
      </Empty>
    </Screen>
  )
}
