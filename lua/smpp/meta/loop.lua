---@meta
-- The interface that smpp.loop.luv and smpp.loop.virtual share; docs/loop.md is the guide.

--- Errors of callbacks never leave the loop: they go to `on_error`.
---@class smpp.Loop
---@field name string
---@field on_error fun(trace: string, err: any)  settable; writes to stderr unless set
---@field now fun(self): number      seconds that never go back, of the turn's beginning
---@field precise fun(self): number  seconds for measuring
---@field time fun(self): number     Unix time
---@field random fun(self): number   in [0,1)
---@field random_octets fun(self, count: integer): string  that nobody can guess; the virtual loop's follow from its seed
---@field timer fun(self, fn: fun(), keep: boolean?): smpp.Timer  stopped; keep: it keeps the loop alive while it runs
---@field defer fun(self, fn: fun(arg: any), arg: any)  calls fn at the end of this turn
---@field hold fun(self)             keeps the loop alive until as many calls of release
---@field release fun(self)
---@field signal fun(self, name: "SIGINT"|"SIGTERM"|string, fn: fun()): { close: fun(self) }  does not keep the loop alive
---@field connect fun(self, o: smpp.ConnectOptions, callback: smpp.ConnectCallback): { cancel: fun(self) }
---@field listen fun(self, o: smpp.ListenOptions, callback: fun(transport: smpp.Transport)): smpp.Listener?, string?, string?
---@field open_stream fun(self, path: string): smpp.Stream?, string?  a pipe or terminal; "-" is stdin; nil: it is something else
---@field run fun(self)              until nothing keeps it alive, or stop
---@field stop fun(self)
---@field is_running fun(self): boolean

---@alias smpp.ConnectCallback fun(transport: smpp.Transport?, message: string?, code: string?)
---@alias smpp.ConnectOptions { host: string, port: integer, timeout_s: number? }
---@alias smpp.ListenOptions { host: string, port: integer, backlog: integer? }

--- A timer that is late by more than a tenth of a second (the process was stopped, suspended or busy) fires after one look at
--- the sockets: what has come in time is read before anybody takes it for missing.
---@class smpp.Timer  fires once per start
---@field start fun(self, delay_s: number)  again: from now
---@field stop fun(self)
---@field close fun(self)  once and for all; harmless twice

---@class smpp.Listener
---@field host string
---@field port integer  the one that was given, where 0 was asked for
---@field close fun(self)

--- A connection of octets.  on_close is called once, for an end that the peer or the network made.
---@class smpp.Transport
---@field peer { host: string, port: integer }
---@field local_port integer?
---@field on_drain fun()?  called when what was pending has gone out
---@field start fun(self, on_data: fun(octets: string), on_close: fun(message: string?, code: string?))  begins to read
---@field write fun(self, octets: string)  never waits, never fails: what goes wrong shows as an end
---@field pending fun(self): integer       octets written that have not gone out
---@field pause fun(self)                  stops reading
---@field resume fun(self)
---@field shutdown fun(self)               no more octets from us
---@field close fun(self)
---@field reset fun(self)
---@field close_after_flush fun(self, timeout_s: number?)  closes when all has gone out

--- A pipe or a terminal that somebody writes into.
---@class smpp.Stream
---@field read fun(self, callback: fun(piece: string?))  calls back with what comes next; nil at the end
---@field read_now fun(self): string?  what comes next, now: blocks; nil or "" at the end
---@field close fun(self)  a callback that waits is not called any more
