package sim

// pushRules say where the faults of subscribe messages and of the message push can happen.
func (f Fault) pushRules() []rule {
	sends, events := []string{pathSend}, []string{endpointEvents}
	return []rule{
		{"async_failure", f.AsyncFailure, "", sends},
		{"no_event", f.NoEvent, "event", events},
		{"late_event", f.LateEvent, "event", events},
		{"duplicate_event", f.DuplicateEvent, "event", events},
		{"event_out_of_order", f.EventOutOfOrder, "event", events},
		{"slow_ack", f.SlowAck, "event", events},
		{"bad_msg_signature", f.BadMsgSignature, "seal", events},
		{"plaintext_event", f.PlaintextEvent, "seal", events},
		{"wrong_appid_tail", f.WrongAppIDTail, "seal", events},
		{"create_time_number", f.CreateTimeNumber, "", events},
		{"list_array", f.ListArray, "", events},
	}
}
