module amino.run/examples

go 1.26

require amino.run/guest v0.0.0

replace amino.run/guest => ../guest-sdks/go
