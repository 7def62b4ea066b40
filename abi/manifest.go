package abi

// Names of a module's parts that this ABI fixes.
const (
	ManifestSection = "amino.manifest"
	ExportVersion   = "amino_abi_v1"
	ExportMemory    = "memory"
	ExportAlloc     = "amino_alloc"
	ExportInvoke    = "amino_invoke"
	ExportInit      = "_initialize"
	ExportDescribe  = "amino_describe"
	ExportResume    = "amino_resume"
	ImportModule    = "amino"
)

// A Manifest describes a module: what it is called and what may be called on it.
type Manifest struct {
	ABI         int          `json:"abi"`
	Name        string       `json:"name"`
	Doc         string       `json:"doc,omitempty"`
	Language    string       `json:"language,omitempty"`
	Constructor *MethodType  `json:"constructor,omitempty"`
	Methods     []MethodType `json:"methods"`
	DMs         []string     `json:"dms,omitempty"` // the default chain
}

// A MethodType is the type of a method or, with no name, of the constructor.
type MethodType struct {
	Name     string  `json:"name,omitempty"`
	Doc      string  `json:"doc,omitempty"`
	Params   []Param `json:"params,omitempty"`
	Result   string  `json:"result,omitempty"` // "" is null
	ReadOnly bool    `json:"readonly,omitempty"`

	types []Type // of Params, kept by ParseManifest
}

// A Param is a parameter: its name and its type in WIT's vocabulary.
type Param struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// Method returns the method of a name, or nil.
func (m *Manifest) Method(name string) *MethodType {
	for i := range m.Methods {
		if m.Methods[i].Name == name {
			return &m.Methods[i]
		}
	}
	return nil
}
