#compdef slalom
# zsh completion: what can follow is asked of slalom itself
local -a offered=(${(f)"$($words[1] help complete ${words[2,CURRENT-1]} 2>/dev/null)"})
if (( $#offered )); then compadd -a offered; else _files; fi
