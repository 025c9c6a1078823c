package cql2

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"github.com/peterstace/simplefeatures/geom"
)

// parseJSON reads the JSON form of CQL2.
func parseJSON(filter json.RawMessage) (Node, error) {
	decoder := json.NewDecoder(bytes.NewReader(filter))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, bad("it is no JSON: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, bad("something follows the JSON")
	}
	if _, ok := value.(map[string]any); !ok {
		return nil, bad("it is no JSON object with an \"op\", and no text")
	}
	p := &jsonParser{}
	return p.node(value, 0)
}

type jsonParser struct{ budget }

func (p *jsonParser) node(value any, depth int) (Node, error) {
	if err := p.spend(depth); err != nil {
		return nil, err
	}
	switch v := value.(type) {
	case string:
		return String{v}, checkLiteral(v)
	case bool:
		return Boolean{v}, nil
	case json.Number:
		return number(v.String())
	case []any:
		items, err := p.nodes(v, depth)
		return List{items}, err
	case map[string]any:
		return p.object(v, depth)
	}
	return nil, bad("null is no value: use the operator isNull")
}

func (p *jsonParser) nodes(values []any, depth int) ([]Node, error) {
	items := make([]Node, len(values))
	for i, v := range values {
		var err error
		if items[i], err = p.node(v, depth+1); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// object reads an operator, a property, a time or a geometry.
func (p *jsonParser) object(object map[string]any, depth int) (Node, error) {
	if op, ok := object["op"].(string); ok {
		args, ok := object["args"].([]any)
		if !ok {
			return nil, bad("the operator %q has no list \"args\"", shorten(op))
		}
		nodes, err := p.nodes(args, depth)
		return Op{strings.ToLower(op), nodes}, err
	}
	if name, ok := object["property"].(string); ok {
		return Name{name}, checkLiteral(name)
	}
	for _, key := range [...]string{"date", "timestamp"} {
		if text, ok := object[key].(string); ok {
			return instant(text)
		}
	}
	if ends, ok := object["interval"].([]any); ok {
		nodes, err := p.nodes(ends, depth)
		if err != nil {
			return nil, err
		}
		return call("interval", nodes)
	}
	if corners, ok := object["bbox"].([]any); ok && object["type"] == nil {
		nodes, err := p.nodes(corners, depth)
		if err != nil {
			return nil, err
		}
		return call("bbox", nodes)
	}
	if _, ok := object["type"].(string); ok {
		return shapeFromJSON(object)
	}
	return nil, bad("an object has none of \"op\", \"property\", \"date\", \"timestamp\", \"interval\", \"bbox\", and is no geometry")
}

func shapeFromJSON(object map[string]any) (Node, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, bad("a geometry cannot be read: %w", err)
	}
	g, err := geom.UnmarshalGeoJSON(text, geom.NoValidate{})
	if err != nil {
		return nil, bad("%q is no GeoJSON geometry: %w", shorten(string(text)), err)
	}
	return Shape{g}, nil
}
