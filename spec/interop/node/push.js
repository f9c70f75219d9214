// node-smpp as an ESME that sends so many messages, so many of them unanswered at any time, and waits for their receipts.
//   node push.js PORT COUNT WINDOW
// Prints one line of JSON in the end: { "answered", "refused", "delivered", "repeated", "strangers" }
'use strict';
const smpp = require('smpp');

const [port, count, window] = process.argv.slice(2).map(Number);
const ids = new Set();      // message_ids of responses whose receipt has not come
const done = new Set();     // of those whose receipt has
const seen = { answered: 0, refused: 0, delivered: 0, repeated: 0, strangers: 0 };
let sent = 0;

const session = smpp.connect({ host: '127.0.0.1', port });
session.on('error', (error) => { console.error(error); process.exit(1); });

function finish() {
  if (seen.answered < count || seen.delivered + seen.refused < count) return;
  session.unbind(() => {
    console.log(JSON.stringify(seen));
    session.close(() => process.exit(0));
  });
}

function submit() {
  if (sent === count) return;
  sent++;
  session.submit_sm({
    source_addr: '1234', dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '49' + String(sent).padStart(7, '0'),
    registered_delivery: 1, data_coding: 0, short_message: 'message ' + sent,
  }, (pdu) => {
    seen.answered++;
    if (pdu.command_status === 0) ids.add(pdu.message_id); else seen.refused++;
    submit();
    finish();
  });
}

session.on('deliver_sm', (pdu) => {
  const id = pdu.receipted_message_id;
  if (ids.delete(id)) {
    done.add(id);
    seen.delivered++;
  } else if (done.has(id)) {
    seen.repeated++;
  } else {
    seen.strangers++;
  }
  session.send(pdu.response());
  finish();
});

session.bind_transceiver({ system_id: 'node', password: 'secret' }, (pdu) => {
  if (pdu.command_status !== 0) { console.error('bind: ' + pdu.command_status); process.exit(1); }
  for (let i = 0; i < window; i++) submit();
});
