// node-smpp on the same work as server.lua: a submit_sm handler that reads four fields.
const smpp = require('smpp');
let n = 0, read = 0;
const server = smpp.createServer((session) => {
  session.on('bind_transceiver', (pdu) => session.send(pdu.response()));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  session.on('submit_sm', (pdu) => {
    const text = pdu.short_message.message;
    read += pdu.source_addr.length + pdu.destination_addr.length + pdu.data_coding + text.length;
    session.send(pdu.response({ message_id: String(++n) }));
  });
  session.on('error', () => session.close());
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => console.log(server.address().port));
process.on('SIGTERM', () => { if (n > 0 && !(read > 0)) console.error('no field was read'); process.exit(0); });
