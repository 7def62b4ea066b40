package door

import (
	"encoding/json"
	"errors"
	"net/http"

	"amino.run/abi"
)

// object is a JSON object.
type object = map[string]any

// openAPI answers an OpenAPI 3.1 document made from the manifests of all
// microservices, or of the one that ?name= gives.
func (d *door) openAPI(r *http.Request) ([]byte, error) {
	names := []string{r.URL.Query().Get("name")}
	if names[0] == "" {
		var err error
		if names, err = d.c.Names(r.Context()); err != nil {
			return nil, err
		}
	}
	paths, tags := object{}, []object{}
	for _, name := range names {
		m, err := d.c.Manifest(r.Context(), name)
		if errors.Is(err, abi.ErrNotFound) && len(names) > 1 {
			continue // it has just been deleted
		}
		if err != nil {
			return nil, err
		}
		tags = append(tags, object{"name": name, "description": m.Doc})
		for i := range m.Methods {
			t := &m.Methods[i]
			paths["/v1/microservices/"+name+"/"+t.Name] = object{"post": operation(name, t)}
		}
	}
	return json.Marshal(object{
		"openapi": "3.1.0",
		"info":    object{"title": "Amino.Run microservices", "version": "1"},
		"tags":    tags,
		"paths":   paths,
		"components": object{"schemas": object{"Error": object{
			"type": "object", "required": []string{"error"},
			"properties": object{"error": object{
				"type": "object", "required": []string{"code", "message", "ran"},
				"properties": object{"code": text(), "message": text(), "ran": text()},
			}},
		}}},
	})
}

func text() object { return object{"type": "string"} }

// operation describes a method.
func operation(name string, t *abi.MethodType) object {
	op := object{
		"operationId": name + "_" + t.Name,
		"tags":        []string{name},
		"summary":     t.Doc,
		"responses": object{
			"200":     object{"description": "the result", "content": asJSON(schemaOf(t.Result))},
			"default": object{"description": "an error", "content": asJSON(object{"$ref": "#/components/schemas/Error"})},
		},
	}
	if t.ReadOnly {
		op["x-amino-readonly"] = true
	}
	if len(t.Params) > 0 {
		op["requestBody"] = object{"required": true, "content": asJSON(object{"oneOf": []object{byName(t), inOrder(t)}})}
	}
	return op
}

func asJSON(schema object) object { return object{"application/json": object{"schema": schema}} }

// byName is the schema of arguments given by their names.
func byName(t *abi.MethodType) object {
	properties, required := object{}, []string{}
	for _, p := range t.Params {
		properties[p.Name] = schemaOf(p.Type)
		if !optional(p.Type) {
			required = append(required, p.Name)
		}
	}
	return object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

// inOrder is the schema of arguments given by their positions.
func inOrder(t *abi.MethodType) object {
	items, needed := []object{}, 0
	for i, p := range t.Params {
		items = append(items, schemaOf(p.Type))
		if !optional(p.Type) {
			needed = i + 1
		}
	}
	return object{"type": "array", "prefixItems": items, "minItems": needed, "maxItems": len(items)}
}

func optional(text string) bool {
	t, err := abi.ParseType(text)
	return err == nil && t.Name == "option"
}

// schemaOf returns the JSON schema of a type, as ToJSON writes its values.
func schemaOf(text string) object {
	if text == "" {
		return object{"type": "null"}
	}
	t, err := abi.ParseType(text)
	if err != nil {
		return object{} // any; a manifest has only types that can be read
	}
	return schema(*t)
}

func schema(t abi.Type) object {
	switch t.Name {
	case "bool":
		return object{"type": "boolean"}
	case "s8", "s16", "s32", "u8", "u16", "u32":
		return object{"type": "integer", "format": t.Name}
	case "s64", "u64":
		return object{"type": "integer", "format": map[string]string{"s64": "int64", "u64": "uint64"}[t.Name]}
	case "f32", "f64":
		return object{"type": "number"}
	case "char", "string":
		return text()
	case "option":
		return object{"oneOf": []object{schema(t.Args[0]), {"type": "null"}}}
	case "list":
		if t.Args[0].Name == "u8" {
			return object{"description": "bytes", "oneOf": []object{
				{"type": "object", "properties": object{"$bytes": object{"type": "string", "contentEncoding": "base64"}}},
				{"type": "array", "items": object{"type": "integer"}},
			}}
		}
		return object{"type": "array", "items": schema(t.Args[0])}
	case "tuple":
		items := []object{}
		for _, a := range t.Args {
			items = append(items, schema(a))
		}
		return object{"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
	case "map":
		return object{"type": "object", "additionalProperties": schema(t.Args[1])}
	}
	return object{} // time and value
}
