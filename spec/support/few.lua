--- How much is tried of a rule that does not depend on the Lua: `many` on two Luas, `few` on the others and under the sanitizers,
--- where spec/all.lua sets SMPP_FEW.
return function(many, few) return os.getenv "SMPP_FEW" and few or many end
