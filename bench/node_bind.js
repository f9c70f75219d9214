// node-smpp on the same work as bind.lua.  Argument: PORT.
const smpp = require('smpp');
const session = smpp.connect({ url: `smpp://127.0.0.1:${process.argv[2]}` });
session.bind_transceiver({ system_id: 'bench', password: 'bench' }, () => console.log('bound'));
