// node-smpp on the same work as server.lua: a submit_sm handler that reads four fields.
const smpp = require('smpp');
let n = 0;
const server = smpp.createServer((session) => {
  session.on('bind_transceiver', (pdu) => session.send(pdu.response()));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  session.on('submit_sm', (pdu) => {
    void [pdu.source_addr, pdu.destination_addr, pdu.data_coding, pdu.short_message];
    session.send(pdu.response({ message_id: String(++n) }));
  });
  session.on('error', () => session.close());
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
