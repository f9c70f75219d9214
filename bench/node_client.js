// node-smpp on the same work as client.lua.  Arguments: PORT COUNT WINDOW CONNECTIONS (1) WARM.
const smpp = require('smpp');
const [port, count, window, , warm] = process.argv.slice(2).map(Number);
const text = Buffer.from('x'.repeat(40));
const session = smpp.connect({ url: `smpp://127.0.0.1:${port}` });
session.on('error', (e) => { console.error(e); process.exit(1); });

function burst(n, done) {
  let sent = 0, answered = 0;
  const wall = process.hrtime.bigint(), cpu = process.cpuUsage();
  const next = () => {
    if (sent === n) return;
    sent++;
    session.submit_sm({
      source_addr_ton: 5, source_addr: 'TestApp', dest_addr_ton: 1, dest_addr_npi: 1,
      destination_addr: '491761234567', short_message: text,
    }, () => {
      if (++answered === n) {
        const used = process.cpuUsage(cpu);
        return done(Number(process.hrtime.bigint() - wall) / 1e9, (used.user + used.system) / 1e6);
      }
      next();
    });
  };
  for (let i = 0; i < window; i++) next();
}

session.bind_transceiver({ system_id: 'bench', password: 'bench' }, () => {
  burst(warm, () => {
    burst(count, (wall, cpu) => {
      console.log(wall.toFixed(6), cpu.toFixed(6));
      session.unbind(() => process.exit(0));
    });
  });
});
