# The members of a migration that sleeps between two statements.

def pause(self):
    with self.connection.cursor() as cursor:
        cursor.execute("SELECT seconds FROM control.pace")
        (seconds,) = cursor.fetchone()
    time.sleep(seconds)

def up(self):
    self.execute("CREATE TABLE t_002 (id int)")
    self.pause()
    self.execute("INSERT INTO t_002 SELECT generate_series(1, ROWS)")

def down(self):
    self.execute("DELETE FROM t_002")
    self.pause()
    self.execute("DROP TABLE t_002")
