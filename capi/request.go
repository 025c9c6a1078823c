package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"cogweave/core"
)

// decode reads a request into v. A key that v does not have, a value of the wrong type and anything
// after the object are errors that name what is wrong; what is what the request is for.
func decode(what, request string, v any) error {
	d := json.NewDecoder(strings.NewReader(request))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return badRequest(what, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return core.Errorf(core.InvalidArgument, "Request", "%s: text after the request's JSON object", what)
	}
	if trimmed := bytes.TrimSpace([]byte(request)); trimmed[0] != '{' {
		return core.Errorf(core.InvalidArgument, "Request", "%s: the request is not a JSON object", what)
	}
	return nil
}

func badRequest(what string, err error) error {
	var own *core.Error
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &wrong) && wrong.Field != "":
		return core.Errorf(core.InvalidArgument, "Request", "%s: %s cannot be a JSON %s", what, wrong.Field, wrong.Value)
	}
	message := err.Error()
	if name, ok := strings.CutPrefix(message, "json: unknown field "); ok {
		return core.Errorf(core.InvalidArgument, "UnknownKey", "%s: unknown argument %s", what, name)
	}
	return core.Errorf(core.InvalidArgument, "Request", "%s: the request is not valid: %s", what, strings.TrimPrefix(message, "json: "))
}
