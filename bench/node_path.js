// node-smpp on the paths of path.lua that it has: submit_sm with octets, with a string, three parts; deliver_sm raw, and with its
// text as a string.  Arguments: PATH PORT COUNT WARM.  It has no receipts and joins no parts.
const smpp = require('smpp');
const [path, ...numbers] = process.argv.slice(2);
const [port, count, warm] = numbers.map(Number);
const WINDOW = 100;
const TEXT = 'Your code is 481516, valid for 5 minutes';
const UNICODE = 'Ваш код 481516, он действует пять минут. '.repeat(4);
const ADDRESSES = { source_addr_ton: 5, source_addr: 'TestApp', dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '491761234567' };

// node-smpp does not split long texts itself.
const parts = () => [0, 67, 134].map((from, i) => ({
  udh: Buffer.from([5, 0, 3, 7, 3, i + 1]), message: UNICODE.slice(from, from + 67),
}));
const messages = {
  submit_sm: () => [Buffer.from(TEXT)],
  send: () => [TEXT],
  send_unicode: parts,
};

const session = smpp.connect({ url: `smpp://127.0.0.1:${port}` });
session.on('error', (e) => { console.error(e); process.exit(1); });

let wall, cpu;
const start = () => { wall = process.hrtime.bigint(); cpu = process.cpuUsage(); };
function finish() {
  const used = process.cpuUsage(cpu);
  console.log((Number(process.hrtime.bigint() - wall) / 1e9).toFixed(6), ((used.user + used.system) / 1e6).toFixed(6));
  process.exit(0);
}

function burst(n, done) {
  let sent = 0, answered = 0;
  const next = () => {
    if (sent === n) return;
    sent++;
    const list = messages[path]();
    const part = (i) => session.submit_sm({ ...ADDRESSES, ...(list.length > 1 && { data_coding: 8 }), short_message: list[i] }, () => {
      if (i + 1 < list.length) return part(i + 1);
      if (++answered === n) done(); else next();
    });
    part(0);
  };
  for (let i = 0; i < WINDOW; i++) next();
}

let received = 0;
session.on('deliver_sm', (pdu) => {
  if (String(path === 'message' ? pdu.short_message.message : pdu.source_addr).length > 0) received++;
  session.send(pdu.response());
  if (received === warm) start();
  if (received === warm + count) finish();
});
session.bind_transceiver({ system_id: 'bench', password: 'bench' }, () => {
  if (messages[path]) burst(warm, () => { start(); burst(count, finish); });
});
