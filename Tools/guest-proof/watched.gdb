set pagination off
set confirm off
break main
run
hbreak fill
continue
delete
watch counter
rwatch table[2]
continue
continue
continue
continue
continue
delete
continue
