package main

import (
	"context"

	"cogweave/capi/op"
	"cogweave/core"
	"cogweave/mosaic"
)

// combining asks the caller's function (mosaic_method) for blocks: the question "mosaic" has four, the items' pixels
// and validity to look at, and the result's to write.
func combining(o *op.Operation) func(context.Context, *mosaic.Block) (out, has []byte, err error) {
	return func(ctx context.Context, b *mosaic.Block) (out, has []byte, err error) {
		stack, cells := []int{b.Items, b.Bands, b.Rows, b.Cols}, []int{b.Bands, b.Rows, b.Cols}
		count := b.Bands * b.Rows * b.Cols
		question := op.Question{Name: "mosaic"}
		var memory []*pixels
		defer func() {
			for _, m := range memory {
				m.Release()
			}
		}()
		add := func(dtype core.DType, shape []int, data []byte, size int) error {
			m, err := newPixels(int64(max(size, 1)))
			if err != nil {
				return err
			}
			copy(m.slice(), data)
			memory = append(memory, m)
			question.Blocks = append(question.Blocks, op.Block{Memory: m, DType: dtype, Shape: shape, Writable: data == nil})
			return nil
		}
		for _, block := range []struct {
			dtype core.DType
			shape []int
			data  []byte
			size  int
		}{
			{b.Type, stack, b.Values, len(b.Values)}, {core.UInt8, stack, b.Valid, len(b.Valid)},
			{b.OutType, cells, nil, count * b.OutType.Size()}, {core.UInt8, cells, nil, count},
		} {
			if err := add(block.dtype, block.shape, block.data, block.size); err != nil {
				return nil, nil, err
			}
		}
		if _, err := o.Ask(ctx, question); err != nil {
			return nil, nil, err
		}
		return append([]byte(nil), memory[2].slice()...), append([]byte(nil), memory[3].slice()...), nil
	}
}
