import { chromium } from '@playwright/test'
import { serveSite } from './dist/client/serve-site.js'
import { mkdtempSync } from 'node:fs'
const site = await serveSite('/tmp/lead/apps/bench/dist/site')
const b = await chromium.launchPersistentContext(mkdtempSync('/tmp/prof-'), { executablePath: process.env.TIDEMARK_CHROMIUM, args: process.env.TIDEMARK_CHROMIUM_ARGS.split(' ') })
b.setDefaultTimeout(120000)
const open = async (name, more='') => { const p = await b.newPage(); p.on('console', m=>console.log('page:',m.text())); await p.goto(`${site.url}/client.html?peer=tidemark&name=${name}${more}`); await p.waitForFunction(()=>'bench' in window); return p }
async function profile(p, label, work) {
  const c = await b.newCDPSession(p); await c.send('Profiler.enable'); await c.send('Profiler.setSamplingInterval',{interval:500}); await c.send('Profiler.start')
  const r = await work()
  const { profile } = await c.send('Profiler.stop')
  const self = new Map(); const dt = profile.timeDeltas; const byId = new Map(profile.nodes.map(n=>[n.id,n]))
  const parent = new Map(); for (const n of profile.nodes) for (const ch of n.children??[]) parent.set(ch,n.id)
  const total = new Map()
  profile.samples.forEach((s,i)=>{ const n=byId.get(s); const k=n.callFrame.functionName+':'+n.callFrame.lineNumber+':'+n.callFrame.columnNumber+' '+n.callFrame.url.split('/').pop(); self.set(k,(self.get(k)??0)+dt[i]);
    const seen=new Set(); for(let id=s;id!==undefined;id=parent.get(id)){const m=byId.get(id);const kk=m.callFrame.functionName+':'+m.callFrame.lineNumber+':'+m.callFrame.columnNumber+' '+m.callFrame.url.split('/').pop(); if(!seen.has(kk)){seen.add(kk);total.set(kk,(total.get(kk)??0)+dt[i])}} })
  console.log('==',label,JSON.stringify(r)); for (const [k,v] of [...self].sort((a,b)=>b[1]-a[1]).slice(0,14)) console.log((v/1000).toFixed(0).padStart(7),'ms',k)
  console.log('-- total'); for (const [k,v] of [...total].sort((a,b)=>b[1]-a[1]).slice(0,30)) console.log((v/1000).toFixed(0).padStart(7),'ms',k)
}
const which = process.argv[2]
if (which==='rebase') {
  let p = await open('r'); await p.evaluate(()=>window.bench.receive(0,1000)); console.log(await p.evaluate(()=>window.bench.change(0,1000)))
  await p.evaluate(()=>window.bench.online(false)); await p.evaluate(()=>window.bench.editMany(0,1000)); await p.close()
  p = await open('r','&hold'); await p.evaluate(()=>window.bench.shows(50)); await new Promise(r=>setTimeout(r,2000))
  await profile(p,'change under pending',()=>p.evaluate(()=>window.bench.change(0,1000)))
} else if (which==='drain') {
  const n = Number(process.argv[3]??1000)
  let p = await open('d'); await p.evaluate(()=>window.bench.online(false));
  const t=Date.now(); for (let i=0;i<n;i+=200) await p.evaluate((f)=>window.bench.insertMany(f,200), 20000000+i); console.log('piled', Date.now()-t)
  await profile(p,'drain',()=>p.evaluate(()=>window.bench.drain()))
} else {
  let p = await open('b'); await p.evaluate(()=>window.bench.receive(0,2000));
  await profile(p,'bulk',()=>p.evaluate(()=>window.bench.receive(5000,5000)))
}
await b.close(); await site.close()
