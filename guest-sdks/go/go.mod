module amino.run/guest

go 1.26
