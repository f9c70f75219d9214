-- A bot whose answers come from a program in any language: a line of JSON for each message on its stdin, one on its stdout.
--   {"id":"1","from":"+49...","to":"12345","text":"hello","channel":"sms","memory":{}}
--   {"id":"1","say":["5 letters. Another?"],"ask":true}
local bot = require "smpp.bot"

local COMMAND = [[while read -r line; do
  id=$(printf %s "$line" | sed 's/.*"id":"\([0-9]*\)".*/\1/')
  text=$(printf %s "$line" | sed 's/.*"text":"\([^"]*\)".*/\1/')
  if [ "$text" = no ]; then
    echo "{\"id\":\"$id\",\"say\":[\"Bye.\"],\"end\":true}"
  else
    echo "{\"id\":\"$id\",\"say\":[\"${#text} letters. Another?\"],\"ask\":true}"
  fi
done]]

local letters = bot.new { "smpp://me:secret@localhost", number = "12345" }
letters:otherwise(bot.program(COMMAND))
letters:run()
