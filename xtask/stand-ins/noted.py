import os, sys
print(*sys.argv[1:], file=open("ROOT/started", "a"))
if "SHOP_ADMIN_URL" in os.environ:
    print("confiture", file=open("ROOT/exposed", "a"))
