// node-smpp on the same work as codec.lua.  It decodes every field at once: reading one is reading a property.
const { PDU } = require('smpp');
const N = 30000;

const fields = {
  sequence_number: 7, source_addr_ton: 5, source_addr: 'TestApp', dest_addr_ton: 1, dest_addr_npi: 1,
  destination_addr: '491761234567', short_message: Buffer.from('x'.repeat(40)),
};
const octets = new PDU('submit_sm', fields).toBuffer();
let sink = 0;

function time(fn) {
  let best = Infinity;
  for (let round = 0; round < 6; round++) {
    const start = process.cpuUsage();
    for (let i = 0; i < N; i++) sink += fn();
    const used = process.cpuUsage(start);
    best = Math.min(best, (used.user + used.system) * 1000 / N);
  }
  return best.toFixed(0);
}

console.log(`decode to a table ${time(() => new PDU(octets).command_length)}`);
console.log(`encode a table ${time(() => new PDU('submit_sm', { ...fields }).toBuffer().length)}`);
if (sink === 0) process.exit(1);
