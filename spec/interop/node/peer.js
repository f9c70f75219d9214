// node-smpp as a peer of the specs: one ESME, or one MC, that does what lines of JSON on stdin say, and tells on stdout
// what it sees.  A Buffer is { "hex": … } in both directions.
//   node peer.js connect PORT     node peer.js listen PORT     and behind it options of Node's TLS as JSON; cert, key and ca are files
// in   { "id", "request": command, "fields", "session"? }   its answer is told as { "id", "pdu" }
//      { "id", "answer": command, "fields" }    how such requests are answered from now on; null: not at all
//      { "do": "close" | "destroy" | "connect", "session"? }
// out  { "listening": port } { "connected": session } { "pdu", "session" } { "closed": session } { "error", "session"? }
'use strict';
const fs = require('fs');
const smpp = require('smpp');

const [role, port, secure] = process.argv.slice(2);
const tls = JSON.parse(secure || '{}');
for (const name of ['cert', 'key', 'ca']) {
  if (tls[name]) tls[name] = fs.readFileSync(tls[name]);
}
const answers = {};
const sessions = [];
let lastId = 0;

function tell(what) {
  process.stdout.write(JSON.stringify(what, (key, value) =>
    value && value.type === 'Buffer' ? { hex: Buffer.from(value.data).toString('hex') } : value) + '\n');
}

function read(line) {
  return JSON.parse(line, (key, value) =>
    value && typeof value.hex === 'string' ? Buffer.from(value.hex, 'hex') : value);
}

function answer(session, pdu) {
  if (pdu.command in answers && answers[pdu.command] === null) return;
  const fields = Object.assign({}, answers[pdu.command]);
  if (pdu.command.startsWith('bind_')) fields.system_id = fields.system_id || 'node';
  if (/^(submit_|data_|broadcast_)/.test(pdu.command) && role === 'listen') {
    fields.message_id = fields.message_id || String(++lastId);
  }
  session.send(pdu.response(fields), undefined, () => {
    if (pdu.command === 'unbind') session.close();
  });
}

function follow(session) {
  const number = sessions.push(session);
  session.on('pdu', (pdu) => {
    tell({ pdu, session: number });
    const silent = ['alert_notification', 'outbind'].includes(pdu.command);
    if (!pdu.isResponse() && !silent) answer(session, pdu);
  });
  session.on(role === 'connect' && secure ? 'secureConnect' : 'connect', () => tell({ connected: number }));
  session.on('close', () => tell({ closed: number }));
  session.on('error', (error) => tell({ error: error.message, session: number })); // unheard, it ends the process
  return number;
}

function connect() {
  follow(smpp.connect(Object.assign({ host: '127.0.0.1', port: Number(port), tls: Boolean(secure) }, tls)));
}

const actions = { connect, close: (session) => session.close(), destroy: (session) => session.destroy() };

function obey(command) {
  const session = sessions[(command.session || sessions.length) - 1];
  if (command.answer) {
    answers[command.answer] = command.fields;
    tell({ id: command.id, pdu: {} });
  }
  if (command.do) actions[command.do](session);
  if (command.request) {
    session[command.request](command.fields || {}, (pdu) => tell({ id: command.id, pdu }));
  }
}

if (role === 'listen') {
  const server = smpp.createServer(tls, (session) => tell({ connected: follow(session) }));
  server.on('error', (error) => { tell({ error: error.message }); process.exit(1); });
  server.listen(Number(port), '127.0.0.1', () => tell({ listening: server.address().port }));
} else {
  connect();
}

smpp.addCommand('surprise', { id: 0x0001beef, params: {} });
smpp.addTLV('vendor_word', { id: 0x1400, type: smpp.types.tlv.cstring });

let rest = '';
process.stdin.on('data', (chunk) => {
  const lines = (rest + chunk).split('\n');
  rest = lines.pop();
  for (const line of lines) {
    try { obey(read(line)); } catch (error) { tell({ error: error.stack }); }
  }
});
process.stdin.on('end', () => process.exit(0));
