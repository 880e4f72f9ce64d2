package wechat

import "context"

// Ping asks the platform for an access token, past the one in use: it proves the network, the AppID, the AppSecret
// and the IP allow list, even while other calls wait for a platform that fails. Its error is ErrUnavailable with a message that tells the operator what to do.
func (c *Client) Ping(ctx context.Context) error {
	ctx, cancel := c.reach(ctx)
	defer cancel()
	if _, _, err := c.requestToken(ctx, false); err != nil {
		return ErrUnavailable.Saying("%s", adviceFor(err)).With(c.cause(operation{name: opToken}, err))
	}
	return nil
}
