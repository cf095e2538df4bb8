/* main: to be written */
int main(void)
{
    return 70;
}
