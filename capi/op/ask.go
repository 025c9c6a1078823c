package op

import (
	"context"
	"encoding/json"

	"cogweave/core"
)

// question is a request to the caller that waits for its answer.
type question struct {
	text   json.RawMessage
	answer chan json.RawMessage // of capacity 1: answering never blocks
}

// Ask puts a question to the caller, such as hrefs to sign, and waits for the answer or the end of
// ctx. question must be something that encoding/json can write. The caller answers with a JSON
// object {"value": ...}, or {"error": text} where its callable failed.
func (o *Operation) Ask(ctx context.Context, about any) (json.RawMessage, error) {
	text, err := json.Marshal(about)
	if err != nil {
		return nil, core.Errorf(core.Internal, "", "a question cannot be written as JSON: %w", err)
	}
	q := &question{text: text, answer: make(chan json.RawMessage, 1)}
	o.mu.Lock()
	o.asked++
	number := o.asked
	if o.asks == nil {
		o.asks = map[int64]*question{}
	}
	o.asks[number] = q
	o.mu.Unlock()
	defer o.forget(number)
	if !o.queue.Post(Event{Op: o.Handle, Kind: Ask, Value: number}) {
		return nil, core.Errorf(core.Cancelled, "QueueClosed", "nobody is left to answer: the queue was closed")
	}
	select {
	case answer := <-q.answer:
		return decodeAnswer(answer)
	case <-ctx.Done():
		return nil, AsError(ctx.Err())
	case <-o.ctx.Done():
		return nil, AsError(o.ctx.Err())
	}
}

func decodeAnswer(answer json.RawMessage) (json.RawMessage, error) {
	var a struct {
		Value json.RawMessage `json:"value"`
		Error *string         `json:"error"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return nil, core.Errorf(core.InvalidArgument, "Answer", "the caller's answer is not the JSON object that was asked for: %w", err)
	}
	if a.Error != nil {
		return nil, core.Errorf(core.InvalidArgument, "CallableFailed", "the caller's function failed: %s", *a.Error)
	}
	return a.Value, nil
}

func (o *Operation) forget(number int64) {
	o.mu.Lock()
	delete(o.asks, number)
	o.mu.Unlock()
}

func (o *Operation) noQuestion(number int64) error {
	return core.Errorf(core.InvalidArgument, "NoQuestion",
		"the operation does not wait for an answer number %d (answered already, or cancelled)", number)
}

// Asked gives the JSON of a question that waits.
func (o *Operation) Asked(number int64) (json.RawMessage, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := o.asks[number]
	if q == nil {
		return nil, o.noQuestion(number)
	}
	return q.text, nil
}

// Answer hands the caller's answer to the question. The first answer counts.
func (o *Operation) Answer(number int64, answer json.RawMessage) error {
	if !json.Valid(answer) {
		return core.Errorf(core.InvalidArgument, "Answer", "answer number %d is not JSON", number)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	q := o.asks[number]
	if q == nil {
		return o.noQuestion(number)
	}
	delete(o.asks, number)
	q.answer <- answer
	return nil
}
