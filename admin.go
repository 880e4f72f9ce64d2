package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"zhibu/model"
	"zhibu/service/signin"
)

// runAdmin makes, changes and ends console accounts.
func runAdmin(ctx context.Context, p program) error {
	verbs := map[string]func(context.Context, *signin.Service, program) (done string, err error){
		"create": createAccount, "password": setPassword, "disable": disableAccount,
	}
	if len(p.args) != 1 || verbs[p.args[0]] == nil || p.username == "" {
		return errors.New("usage: zhibu admin create|password|disable --username NAME [--unit ID] [--member ID], with a new password as the first line of the input")
	}
	if err := p.CheckSecrets(); err != nil {
		return err
	}
	db, err := openDB(ctx, p.Config, newLogger(p))
	if err != nil {
		return err
	}
	defer db.Close()
	keys, err := model.NewKeyring(p.DataKeys, p.IndexKeyBytes())
	if err != nil {
		return err
	}
	accounts, err := signin.New(db, keys, signin.Platform{}, signin.Config{Secret: p.SecretBytes(), Issuer: "zhibu"}, time.Now)
	if err != nil {
		return err
	}
	done, err := verbs[p.args[0]](ctx, accounts, p)
	if errors.Is(err, model.ErrNotFound) {
		return errors.New("there is no such account, unit or member")
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "The account %s %s.\n", p.username, done)
	return err
}

func createAccount(ctx context.Context, accounts *signin.Service, p program) (string, error) {
	unitID, err := parseID("--unit", p.unitID)
	if err != nil {
		return "", err
	}
	memberID, err := parseID("--member", p.memberID)
	if err != nil {
		return "", err
	}
	if unitID != nil && memberID == nil {
		return "", errors.New("an account for a unit belongs to somebody: say to whom with --member ID")
	}
	password, err := readPassword(p)
	if err != nil {
		return "", err
	}
	_, err = accounts.CreateAccount(ctx, p.username, password, unitID, memberID)
	return "can sign in now", err
}

func setPassword(ctx context.Context, accounts *signin.Service, p program) (string, error) {
	password, err := readPassword(p)
	if err != nil {
		return "", err
	}
	return "has a new password and is signed out everywhere", accounts.SetPassword(ctx, p.username, password)
}

func disableAccount(ctx context.Context, accounts *signin.Service, p program) (string, error) {
	return "can no longer sign in", accounts.DisableAccount(ctx, p.username)
}

// readPassword takes the password from the input and not from the command line, which others on the machine can read.
func readPassword(p program) (signin.Password, error) {
	fmt.Fprintln(p.stderr, "Password (at least 10 characters of three kinds):")
	line, err := bufio.NewReader(p.in).ReadString('\n')
	password := strings.TrimRight(line, "\r\n")
	if password == "" {
		return "", errors.Join(errors.New("no password was given"), err)
	}
	return signin.Password(password), nil
}

func parseID(flag, s string) (*int64, error) {
	if s == "" {
		return nil, nil
	}
	id, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%s: %q is not an id", flag, s)
	}
	return &id, nil
}
