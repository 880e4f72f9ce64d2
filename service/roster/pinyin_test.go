package roster

import "testing"

func TestNameSort(t *testing.T) {
	for name, want := range map[string]string{
		"张三": "zhang.san zs zhangsan", "单雄信": "shan.xiong.xin sxx shanxiongxin", "曾国藩": "zeng.guo.fan zgf zengguofan",
		"仇英": "qiu.ying qy qiuying", "解缙": "xie.jin xj xiejin", "区小明": "ou.xiao.ming oxm ouxiaoming",
		"查良镛": "zha.liang.yong zly zhaliangyong", "翟天": "zhai.tian zt zhaitian", "尉迟恭": "yu.chi.gong ycg yuchigong",
		"阿依古丽·买买提": "a.yi.gu.li.mai.mai.ti ayglmmt ayigulimaimaiti", "Smith John": "smithjohn s smithjohn",
		"𠮷田": "𠮷.tian 𠮷t 𠮷tian",
	} {
		if got := nameSort(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	long := ""
	for range 50 {
		long += "庄"
	}
	if n := len([]rune(nameSort(long))); n > maxSort {
		t.Errorf("%d characters do not fit the column", n)
	}
}
