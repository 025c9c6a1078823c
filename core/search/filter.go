package search

import (
	"context"
	"encoding/json"
)

func (d *database) filter(ctx context.Context, filter json.RawMessage, s *statement) (expression, error) {
	return expression{}, nil
}
