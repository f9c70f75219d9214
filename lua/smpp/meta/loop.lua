---@meta
-- The interface that smpp.loop.luv and smpp.loop.virtual share; docs/loop.md is the guide.

--- Errors of callbacks never leave the loop: they go to `on_error`.
---@class smpp.Loop
---@field name string
---@field on_error fun(trace: string, err: any)  assignable; default: writes to stderr
---@field now fun(self): number      monotonic seconds, at the beginning of the turn
---@field precise fun(self): number  monotonic seconds, for measurements
---@field time fun(self): number     Unix time
---@field random fun(self): number   in [0,1)
---@field random_octets fun(self, count: integer): string  cryptographically random; of the virtual loop: from its seed
---@field timer fun(self, fn: fun(), keep: boolean?): smpp.Timer  stopped; keep: keeps the loop running while it is started
---@field defer fun(self, fn: fun(arg: any), arg: any)  calls fn at the end of this turn
---@field hold fun(self)             keeps the loop running until as many calls of release
---@field release fun(self)
---@field file_mark fun(self, path: string): string  changes with the file: its time and size, of the virtual loop its content; "": there is none
---@field signal fun(self, name: "SIGINT"|"SIGTERM"|string, fn: fun()): { close: fun(self) }  does not keep the loop running
---@field connect fun(self, o: smpp.ConnectOptions, callback: smpp.ConnectCallback): { cancel: fun(self) }
---@field listen fun(self, o: smpp.ListenOptions, callback: fun(transport: smpp.Transport)): smpp.Listener?, string?, string?
---@field open_stream fun(self, path: string): smpp.Stream?, string?  a pipe or terminal; "-" is stdin; nil: another kind of file
---@field spawn fun(self, o: smpp.ProcessOptions): smpp.Process?, string?, string?  a program; the virtual loop: one with `line`, real
---@field run_command fun(self, command: string, timeout_s: number, callback: fun(output: string?, code: integer|string))  by sh;
---  nil, "timeout": it was terminated; nil and another text: it could not be started
---@field open_terminal fun(self, on: smpp.TerminalCallbacks): smpp.Terminal?  that of stdout; nil: it is none
---@field poll (fun(self, fd: integer, fn: fun()): { close: fun(self) })?  calls fn when it is readable; the virtual loop has none
---@field run fun(self)              until nothing keeps it running, or stop
---@field stop fun(self)
---@field is_running fun(self): boolean

---@alias smpp.ConnectCallback fun(transport: smpp.Transport?, message: string?, code: string?)
---@alias smpp.ConnectOptions { host: string, port: integer, timeout_s: number? }
---@alias smpp.ListenOptions { host: string, port: integer, backlog: integer? }

--- A timer that is late by more than 0.1 s (the process was stopped, suspended or busy) fires after pending sockets have been
--- read, so that data received in time is processed before its timeout.
---@class smpp.Timer  fires once per start
---@field start fun(self, delay_s: number)  again: restarts it
---@field stop fun(self)
---@field close fun(self)  frees it; may be called twice

---@class smpp.Listener
---@field host string
---@field port integer  the assigned one if 0 was requested
---@field close fun(self)

--- A stream connection.  on_close is called once, when the peer or the network ends it.
---@class smpp.Transport
---@field peer { host: string, port: integer }
---@field local_port integer?
---@field on_drain fun()?  called when all pending octets were sent
---@field start fun(self, on_data: fun(octets: string), on_close: fun(message: string?, code: string?))  starts reading
---@field write fun(self, octets: string)  never waits, never fails: errors end the connection (on_close)
---@field pending fun(self): integer       written octets not sent yet
---@field pause fun(self)                  stops reading
---@field resume fun(self)
---@field shutdown fun(self)               sends FIN after pending octets
---@field close fun(self)
---@field reset fun(self)
---@field close_after_flush fun(self, timeout_s: number?)  closes when all octets were sent

--- suspend: about to be stopped; die: about to be ended by SIGQUIT or SIGHUP; survives_hangup: SIGHUP is someone else's.
---@alias smpp.TerminalCallbacks { key: fun(key: string), resize: fun(), suspend: fun(), resume: fun(), die: fun(), survives_hangup: boolean? }

--- A terminal to draw on.  What is drawn goes to stdout.
---@class smpp.Terminal
---@field size fun(self): integer, integer  columns, rows
---@field is_foreground fun(self): boolean
---@field set_raw fun(self, raw: boolean)   keys are reported one by one
---@field close fun(self)

--- A pipe or a terminal to read from.
---@class smpp.Stream
---@field read fun(self, callback: fun(piece: string?))  calls back with the next octets; nil at the end
---@field read_now fun(self): string?  the next octets, blocking; nil or "" at the end
---@field close fun(self)  a pending callback is not called any more
