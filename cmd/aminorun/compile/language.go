package compile

// languages are all that can be compiled. A package.json or a tsconfig.json alone
// says too little to be among the files.
var languages = []language{golang, rust, c, assemblyScript}

// Languages returns their names.
func Languages() []string {
	names := make([]string, len(languages))
	for i, l := range languages {
		names[i] = l.name
	}
	return names
}
